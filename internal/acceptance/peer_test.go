package acceptance

import (
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// peerAddr is the other host of the arena: a network namespace of its own behind a virtual cable. It exists because the
// site's daemon takes port 25 of every address of its own host.
const peerAddr = "10.77.0.9"

// peerListener makes the other host, when it is not there yet, and listens on its port 25.
func peerListener(t *testing.T) net.Listener { return peerListenerAt(t, "25") }

func peerListenerAt(t *testing.T, port string) net.Listener {
	t.Helper()
	if _, err := os.Stat("/run/netns/peer"); err != nil {
		for _, cmd := range []string{
			"ip netns add peer",
			"ip link add cable type veth peer name cable netns peer",
			"ip addr add 10.77.0.1/24 dev cable",
			"ip link set cable up",
			"ip -n peer addr add " + peerAddr + "/24 dev cable",
			"ip -n peer link set cable up",
		} {
			run(t, "", strings.Fields(cmd)...)
		}
	}
	// A socket belongs to the namespace that its thread is in when it is made.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	must(t, err)
	defer home.Close()
	peer, err := os.Open("/run/netns/peer")
	must(t, err)
	defer peer.Close()
	must(t, unix.Setns(int(peer.Fd()), unix.CLONE_NEWNET))
	l, err := net.Listen("tcp", peerAddr+":"+port)
	must(t, unix.Setns(int(home.Fd()), unix.CLONE_NEWNET))
	must(t, err)
	return l
}
