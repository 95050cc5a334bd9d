package maps_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"net"

	"gosendmail/internal/oracletest"
	"gosendmail/maps"
)

// directory is what the tests' OpenLDAP server holds.
const directory = `dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=test
objectClass: organizationalUnit
ou: people

dn: uid=anna,ou=people,dc=example,dc=test
objectClass: inetOrgPerson
uid: anna
cn: Anna A
sn: A
mail: anna@one.test
mail: anna@two.test
description: (uid=berta)
seeAlso: uid=carla,ou=people,dc=example,dc=test

dn: uid=berta,ou=people,dc=example,dc=test
objectClass: inetOrgPerson
uid: berta
cn: Berta B
sn: B
mail: berta@one.test
labeledURI: ldap:///ou=people,dc=example,dc=test?cn,mail?sub?(uid=dora)

dn: uid=carla,ou=people,dc=example,dc=test
objectClass: inetOrgPerson
uid: carla
cn: Carla C
sn: C
mail: carla@one.test
seeAlso: uid=anna,ou=people,dc=example,dc=test

dn: uid=dora,ou=people,dc=example,dc=test
objectClass: inetOrgPerson
uid: dora
cn: Dora D
cn: Dora *(D)\
sn: D

dn: uid=eva,ou=people,dc=example,dc=test
objectClass: inetOrgPerson
uid: eva
cn: Eva E
sn: E
mail: eva@one.test
seeAlso: uid=nobody,ou=people,dc=example,dc=test

dn: uid=frida,ou=people,dc=example,dc=test
objectClass: inetOrgPerson
uid: frida
cn: Frida F
sn: F
mail: frida@one.test
labeledURI: ldap:///uid=anna,ou=people,dc=example,dc=test
labeledURI: ldap:///uid=dora,ou=people,dc=example,dc=test?cn

dn: cn=staff,ou=people,dc=example,dc=test
objectClass: groupOfNames
cn: staff
member: uid=anna,ou=people,dc=example,dc=test
member: uid=berta,ou=people,dc=example,dc=test
member: cn=more,ou=people,dc=example,dc=test

dn: cn=more,ou=people,dc=example,dc=test
objectClass: groupOfNames
cn: more
member: uid=carla,ou=people,dc=example,dc=test
member: cn=staff,ou=people,dc=example,dc=test

dn: ou=aliases,dc=example,dc=test
objectClass: organizationalUnit
ou: aliases

dn: cn=a,ou=aliases,dc=example,dc=test
objectClass: alias
objectClass: extensibleObject
cn: a
aliasedObjectName: uid=anna,ou=people,dc=example,dc=test
`

// slapd runs OpenLDAP's server on a local socket and returns its URL.
func slapd(t *testing.T) (uri string) {
	t.Helper()
	root, command := oracletest.Debian(t, "usr/sbin/slapd", "slapd", "libltdl7", "libodbc2", "libperl5.36", "libldap-2.5-0", "libsasl2-2", "libargon2-1", "libcrypt1", "libwrap0", "libdb5.3")
	dir, err := os.MkdirTemp("", "slapd") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	conf := filepath.Join(dir, "slapd.conf")
	var b strings.Builder
	for _, s := range []string{"core", "cosine", "inetorgperson"} {
		fmt.Fprintf(&b, "include %s/etc/ldap/schema/%s.schema\n", root, s)
	}
	fmt.Fprintf(&b, `modulepath %s/usr/lib/ldap
moduleload back_mdb
allow bind_v2
sizelimit 50
database mdb
suffix dc=example,dc=test
rootdn cn=admin,dc=example,dc=test
rootpw secret
directory %s
maxsize 10485760
access to attrs=userPassword by * auth
access to attrs=sn by users read
access to * by * read
`, root, dir)
	write(t, conf, b.String())
	write(t, filepath.Join(dir, "x.ldif"), directory)
	if out, err := command("usr/sbin/slapd", "-Ta", "-f", conf, "-l", filepath.Join(dir, "x.ldif")).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v: %s", err, out)
	}
	socket := filepath.Join(dir, "s")
	uri = "ldapi://" + url.PathEscape(socket)
	server := command("usr/sbin/slapd", "-d", "0", "-f", conf, "-h", uri)
	var out bytes.Buffer
	server.Stdout, server.Stderr = &out, &out
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- server.Wait() }()
	t.Cleanup(func() { server.Process.Kill(); <-exited })
	for range 1000 {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			return uri
		}
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("slapd: %v: %s", err, out.Bytes())
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("slapd does not listen: %s", out.Bytes())
	return ""
}

// What the original prints beside a key's outcome when the server does not answer well, and when it is not reached.
var (
	complaint = regexp.MustCompile(`(?s)\) Error .*no match \(`)
	unopened  = regexp.MustCompile(`^ldap_init/ldap_bind failed [^\n]*\n`)
)

// TestLDAPLikeOriginal looks keys up in a directory of OpenLDAP's server, in the original and in ours.
func TestLDAPLikeOriginal(t *testing.T) {
	uri := slapd(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "pw"), "secret\n")
	write(t, filepath.Join(dir, "badpw"), "wrong\n")
	common := " -H " + uri + " -w 3 "
	base := common + "-b dc=example,dc=test "
	admin := "-d cn=admin,dc=example,dc=test "
	k := []string{
		"Kone ldap" + base + "-k (uid=%0) -v mail",
		"Ksep ldap" + base + "-z, -k (uid=%0) -v mail",
		"Ktwo ldap" + base + "-z| -V= -k (uid=%0) -v cn,mail",
		"Kfirstv ldap" + base + "-V: -k (uid=%0) -v mail,cn",
		"Ksingle ldap" + base + "-1 -k (uid=%0) -v mail",
		"Ksinglez ldap" + base + "-1 -z, -k (uid=%0) -v mail",
		"Kmany ldap" + base + "-k (mail=%0) -v uid -1",
		"Kmanyz ldap" + base + "-k (mail=%0) -v uid -z,",
		"Kwild ldap" + base + "-k (uid=*%0*) -v uid -z,",
		"Kwild1 ldap" + base + "-k (uid=*%0*) -v uid -1",
		"Kwildz1 ldap" + base + "-k (uid=*%0*) -v uid -1 -z,",
		"Kwildm1 ldap" + base + "-k (uid=*%0*) -v uid -1 -m",
		"Kwildf ldap" + base + "-k (uid=*%0*) -v uid",
		"Klimit ldap" + base + "-Z 2 -k (uid=*%0*) -v uid -z,",
		"Klimitf ldap" + base + "-Z 1 -k (uid=*%0*) -v uid",
		"Kmatch ldap" + base + "-m -a.found -k (uid=%0) -v mail",
		"Kmatchn ldap" + base + "-m -k (uid=%0)",
		"Knames ldap" + base + "-n -z, -k (uid=%0) -v mail,cn",
		"Knames1 ldap" + base + "-n -1 -z, -k (uid=%0) -v mail,cn",
		"Knamesf ldap" + base + "-n -k (uid=%0) -v cn",
		`Kquote ldap` + base + `-a"x y" -k "(uid=%0)" -v "cn, mail" -z,`,
		"Kdn ldap" + base + "-z, -k (uid=%0) -v mail,seeAlso:DN",
		"Kdnclass ldap" + base + "-z, -k (uid=%0) -v mail,seeAlso:DN:person|nothing",
		"Kdnnone ldap" + base + "-z, -k (uid=%0) -v mail,seeAlso:DN:nothing",
		"Kclassed ldap" + base + "-z, -k (uid=%0) -v mail:NORMAL:nothing,cn:normal:inetOrgPerson",
		"Kfilter ldap" + base + "-z, -k (uid=%0) -v mail,description:FILTER",
		"Kurl ldap" + base + "-z, -k (uid=%0) -v mail,labeledURI:URL",
		"Kevery ldap" + base + "-z, -k (|(uid=%0)(cn=%0)) -v mail,member:DN:groupOfNames,description:FILTER,labeledURI:URL,seeAlso:DN",
		"Kevery1 ldap" + base + "-1 -z, -k (|(uid=%0)(cn=%0)) -v mail,member:DN",
		"Kdnfirst ldap" + base + "-k (uid=%0) -v seeAlso:DN,mail",
		"Kscopeb ldap" + common + "-b uid=anna,ou=people,dc=example,dc=test -s base -k (uid=%0) -v cn",
		"Kscopeo ldap" + base + "-s one -k (uid=%0) -v cn",
		"Kscopel ldap" + base + "-s LDAP_SCOPE_SUBTREE -k (uid=%0) -v cn",
		"Kderef ldap" + common + "-b ou=aliases,dc=example,dc=test -r always -k (uid=%0) -v cn",
		"Kderefn ldap" + common + "-b ou=aliases,dc=example,dc=test -r never -k (uid=%0) -v cn",
		"Kdereff ldap" + common + "-b cn=a,ou=aliases,dc=example,dc=test -r find -k (uid=%0) -v cn",
		"Kderefs ldap" + common + "-b ou=aliases,dc=example,dc=test -r search -k (uid=%0) -v cn",
		"Knobase ldap" + common + "-b dc=no,dc=test -k (uid=%0) -v cn",
		"Kbare ldap" + base + "-k uid=%0 -v cn",
		`Kspaces ldap` + base + `-k "(& (uid=%0) ( | (cn=*) (sn=*) ) )" -v cn`,
		"Kbound ldap" + base + admin + "-M simple -P " + dir + "/pw -k (uid=%0) -v sn",
		"Kunbound ldap" + base + "-k (uid=%0) -v sn,cn -z,",
		"Kbadpw ldap" + base + admin + "-M simple -P " + dir + "/badpw -k (uid=%0) -v sn",
		"Kbadpwo ldap -o" + base + admin + "-M simple -P " + dir + "/badpw -k (uid=%0) -v sn",
		"Knopw ldap" + base + admin + "-k (uid=%0) -v sn",
		"Kdown ldap -H ldapi://%2fnowhere%2fs -b dc=test -k (uid=%0) -v sn",
		"Kfold ldap -f" + base + "-k (&(uid=%0)(cn=*)) -v cn",
		"Kcn ldap" + base + "-k (cn=%0) -v uid -l 5 -c 3 -R -p 1234",
		"Kpercent ldap" + base + "-k (|(uid=%0)(cn=%%)(cn=%x)) -v cn",
		"Kwhole ldap" + base + "-k %s -v cn",
	}
	keys := []string{"anna", "ANNA", "berta", "carla", "dora", "eva", "frida", "staff", "nobody", "a", "*", "anna)(uid=*", "one.test", "berta@one.test", "(uid=dora)", "Dora *(D)\\", "dora d", "\u00e4"}
	var commands []string
	for _, line := range k {
		name, _, _ := strings.Cut(line[1:], " ")
		for _, key := range keys {
			commands = append(commands, "/map "+name+" "+key)
		}
	}
	want := original(t, strings.ReplaceAll(strings.Join(k, "\n"), "$", "$$")+"\n", commands)
	set, err := maps.NewSet(specs(k), maps.Env{LDAPConf: "/dev/null"})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for i, c := range commands {
		f := strings.SplitN(c, " ", 3)
		w := complaint.ReplaceAllString(strings.TrimSuffix(want[i], "\n"), ") no match (")
		w = unopened.ReplaceAllString(w, "")
		if got := mapCommand(set, f[1], f[2]); got != w {
			t.Errorf("%s   (%s)\n ours:     %s\n original: %s", c, k[indexOf(k, f[1])], got, w)
		}
	}
}
