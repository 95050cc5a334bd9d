package mta

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"gosendmail/internal/alias"
	"gosendmail/internal/maillog"
	"gosendmail/internal/safefile"
	"gosendmail/queue"
)

// MayPrintQueue reports whether a user may list the queue: with restrictmailq only root, the trusted user, the owner of
// the queue directory and the members of its group.
func (s *Server) MayPrintQueue(uid int, groups []int) bool {
	if !s.site.options.privacy.has(restrictMailq) || s.owns(uid) {
		return true
	}
	st, ok := s.queueStat()
	return ok && slices.Contains(groups, int(st.Gid))
}

// MayRunQueue reports whether a user may run the queue: with restrictqrun only root, the trusted user and the owner of
// the queue directory.
func (s *Server) MayRunQueue(uid int) bool {
	return !s.site.options.privacy.has(restrictQrun) || s.owns(uid)
}

// Trusts reports whether a user may do what changes the site for everybody: root, the trusted user, and the owner of
// its configuration, who could name himself as the trusted user there.
func (s *Site) Trusts(uid int) bool {
	if id := s.Config.Settings.TrustedUser; uid == 0 || id.Set && id.UID == uid {
		return true
	}
	st, err := os.Stat(s.Config.File)
	if err != nil {
		return false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == uid
}

// HidesExpansion reports whether -bv shows users only what they may read themselves (restrictexpand).
func (s *Site) HidesExpansion(uid int) bool {
	return !s.Trusts(uid) && s.private(restrictExpand)
}

// WarnsOf reports whether doubts about a caller's messages are told (PrivacyOptions authwarnings): not of those whom
// the site trusts.
func (s *Site) WarnsOf(caller string) bool {
	return s.private(authWarnings) && caller != "root" && !s.Classes.Has("t", caller)
}

// private reports whether PrivacyOptions has a flag.
func (s *Site) private(flag privacy) bool {
	return slices.ContainsFunc(s.Config.Settings.PrivacyOptions, func(text string) bool {
		p, err := parsePrivacy(text)
		return err == nil && p.has(flag)
	})
}

// MayExpand reports whether -v and -bv may show a user what aliases hold (restrictexpand).
func (s *Server) MayExpand(uid int) bool {
	return !s.site.options.privacy.has(restrictExpand) || s.owns(uid)
}

func (s *Server) owns(uid int) bool {
	if id := s.site.options.TrustedUser; uid == 0 || id.Set && id.UID == uid {
		return true
	}
	st, ok := s.queueStat()
	return ok && int(st.Uid) == uid
}

func (s *Server) queueStat() (*syscall.Stat_t, bool) {
	dirs := s.spool.Group("").Directories()
	if len(dirs) == 0 {
		return nil, false
	}
	st, err := os.Stat(dirs[0])
	if err != nil {
		return nil, false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return sys, ok
}

// Listing is how the queue is printed under this configuration.
func (s *Server) Listing() queue.Listing {
	o := &s.site.options
	order, err := queue.ParseOrder(string([]byte{o.QueueSortOrder}))
	if err != nil {
		order = queue.ByPriority
	}
	return queue.Listing{Order: order, Max: o.MaxQueueRunSize, MinAge: o.MinQueueAge, MaxAge: o.MaxQueueAge, Busy: s.busy}
}

// Quarantine holds the selected messages back for a reason, or lets them go where it is "". tell gets a line for each
// change, and before and after them what was looked at and how many changes there were.
func (s *Server) Quarantine(sel queue.Selection, reason string, tell func(line string)) error {
	items, err := s.spool.List(sel)
	if err != nil {
		return fmt.Errorf("mta: quarantine: %w", err)
	}
	var errs []error
	changes := 0
	if dir := strings.TrimSuffix(s.site.Settings().QueueDirectory, "/"); len(items) == 0 {
		tell(dir + ": no matches")
	} else {
		tell("Processing " + dir + ":")
	}
	for _, it := range items {
		old, err := s.spool.Quarantine(it, reason)
		switch {
		case errors.Is(err, queue.ErrLocked), errors.Is(err, queue.ErrGone):
		case err != nil:
			errs = append(errs, err)
		case old == reason:
		case reason == "":
			changes++
			s.Log.Logf(maillog.LevelErrors, maillog.Info, it.ID, "unquarantine")
			tell(fmt.Sprintf("%s: Removed quarantine of %q", it.ID, old))
		default:
			changes++
			s.Log.Logf(maillog.LevelErrors, maillog.Info, it.ID, "quarantine=%s", reason)
			if old == "" {
				tell(fmt.Sprintf("%s: Quarantined with %q", it.ID, reason))
			} else {
				tell(fmt.Sprintf("%s: Quarantine changed from %q to %q", it.ID, old, reason))
			}
		}
	}
	tell(changed(changes))
	return errors.Join(errs...)
}

// changed counts changes in words.
func changed(n int) string {
	switch n {
	case 0:
		return "No changes"
	case 1:
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}

// AliasFiles are the text files of the alias sources that have one.
func AliasFiles(site *Site) []string {
	var files []string
	list, _ := aliasSources(site)
	for _, s := range list {
		files = append(files, s.File())
	}
	return files
}

// aliasSources are the alias sources of which newaliases makes data bases.
func aliasSources(site *Site) (sources []alias.Spec, err error) {
	for _, text := range site.Config.Settings.AliasFile {
		list, err := alias.ParseSpecs(text, knownClass(site.env))
		if err != nil {
			return nil, fmt.Errorf("%s: option AliasFile: %w", site.Config.File, err)
		}
		for _, s := range list {
			if s.File() != "" && rebuildable(s.Class) {
				sources = append(sources, s)
			}
		}
	}
	return sources, nil
}

// rebuildable reports whether newaliases makes a data base for a map class.
func rebuildable(class string) bool {
	switch strings.ToLower(class) {
	case "implicit", "hash", "btree", "dbm", "cdb":
		return true
	}
	return false
}

// RebuildAliases is newaliases: it makes the data bases of all alias files. The lines tell what they hold, or that a
// file cannot be opened, which is no error, as in the original; problems are those of single aliases.
func RebuildAliases(ctx context.Context, site *Site, log *maillog.Logger, user string) (stats []string, problems []alias.Problem, err error) {
	blame, err := site.blame()
	if err != nil {
		return nil, nil, fmt.Errorf("mta: newaliases: %w", err)
	}
	check := &safefile.Checker{Blame: blame, UID: os.Geteuid(), GIDs: []int{os.Getegid()}}
	src := &alias.Source{Name: site.aliasName(ctx)}
	if site.Config.Settings.CheckAliases {
		src.Check = site.aliasTarget(ctx)
	}
	own := func(f *os.File) error {
		if id := site.Config.Settings.TrustedUser; id.Set && os.Geteuid() == 0 && id.UID > 0 {
			return f.Chown(id.UID, -1)
		}
		return nil
	}
	sources, err := aliasSources(site)
	if err != nil {
		return nil, nil, err
	}
	logged := 0 // problems
	for i, sp := range sources {
		st, rerr := src.Rebuild(check, sp, own, func(p alias.Problem) { problems = append(problems, p) })
		switch {
		case errors.Is(rerr, alias.ErrCannotOpen):
			if !sp.Has('o') {
				log.Plain(maillog.LevelSerious, maillog.Notice, rerr.Error())
				stats = append(stats, rerr.Error())
			}
			continue
		case errors.Is(rerr, alias.ErrUnsafeDatabase) && !errors.Is(rerr, alias.ErrUnsafeFolder):
			return stats, problems, fmt.Errorf("hash map \"Alias%d\": %w", i, rerr) // what class implicit is where it is written
		case rerr != nil:
			return stats, problems, rerr
		}
		log.Plain(maillog.LevelSerious, maillog.Notice, "alias database "+sp.File()+" rebuilt by "+user)
		for _, p := range problems[logged:] {
			if !p.Warning && !p.Detail {
				log.SysErr("", user, p.Error())
			}
		}
		logged = len(problems)
		log.Plain(maillog.LevelDelivered, maillog.Info, st.String())
		stats = append(stats, st.String())
	}
	return stats, problems, nil
}

// replyCodes are what a message for an SMTP client begins with.
var replyCodes = regexp.MustCompile(`^[245]\d\d (?:[245]\.\d+\.\d+ )?`)

// aliasName decides what the left side of an alias stands for: the user that it resolves to, if its mailer looks
// aliases up.
func (s *Site) aliasName(ctx context.Context) func(string) (string, bool, error) {
	return func(left string) (string, bool, error) {
		problem := ""
		env := s.NewEnv()
		env.Problem = func(_, text string) {
			if problem == "" {
				problem = text
			}
		}
		key, ok, parsed := s.aliasNameIn(ctx, env, left)
		if !parsed {
			return "", false, errors.New(strings.TrimSpace(replyCodes.ReplaceAllString(problem, "")))
		}
		return key, ok, nil
	}
}

// aliasNameIn is aliasName in an environment, which hears why left cannot be parsed.
func (s *Site) aliasNameIn(ctx context.Context, env *Env, left string) (key string, ok, parsed bool) {
	a := s.Parse(ctx, env, left, 0, forSender)
	if a == nil {
		return "", false, false
	}
	if a.Mailer == nil || !a.Mailer.Flags.Has('A') {
		return "", false, true
	}
	return aliasKey(a.User), true, true
}

// aliasTarget checks one address of a right side (option CheckAliases).
func (s *Site) aliasTarget(ctx context.Context) func(string) error {
	return func(addr string) error {
		var problem string
		env := s.NewEnv()
		env.Problem = func(_, text string) { problem = text }
		if a := s.Parse(ctx, env, addr, 0, forRecipient); a == nil || a.Error {
			return fmt.Errorf("%s", problem)
		}
		return nil
	}
}
