package safefile

// Rules say which checks a file must pass.
type Rules uint32

// The single checks.
const (
	NoSymlink           Rules = 1 << iota // the file itself is no symbolic link
	NoHardLink                            // it has one name only
	RegularOnly                           // it is a regular file
	NoGroupWritable                       // its group cannot write to it
	NoWorldWritable                       // nobody else can write to it
	NoGroupReadable                       // its group cannot read it
	NoWorldReadable                       // nobody else can read it
	SafeDirPath                           // no directory of its path is writable by others than its owner
	NoLinkInWritableDir                   // where it is a link, SafeDirPath holds for it
	MustOwn                               // it belongs to Checker.UID (or root)
	RootOK                                // Checker.UID 0 may use root's power to read it
	NotExecutable                         // it has no x bit (files that mail is written to)
	GroupDirOK                            // with SafeDirPath: directories may be group writable
)

// Kind is what a file serves for; it decides, together with DontBlameSendmail, about the rules.
type Kind uint8

const (
	Plain          Kind = iota // no particular care: regular files
	ConfigFile                 // sendmail.cf
	AliasFile                  // the text of an alias file, for its data base to be made
	AliasText                  // the same, read for want of a data base
	MapFile                    // a map's data base or text file, read
	MapWrite                   // the same, being written
	ClassFile                  // F lines
	ForwardFile                // .forward
	IncludeFile                // :include:
	HelpFile                   // HelpFile
	ErrorHeader                // ErrorHeader
	KeyFile                    // a private key of STARTTLS
	AuthInfo                   // DefaultAuthInfo
	SASLFile                   // the data base of SASL passwords
	StatusFile                 // the statistics file, being written
	ServiceSwitch              // ServiceSwitchFile
	FileDelivery               // a mailbox file that mail is appended to
	Program                    // a program to be run
	ControlSocket              // a local socket that others connect to
	HostStatusFile             // files below HostStatusDirectory
	RelayTable                 // the table of DRAC, its journal and its lock
	RelayAllow                 // the file that says who may add to it
)

// except gives r unless one of the names in b switches it off.
func (b Blame) except(name Blame, r Rules) Rules {
	if b&name != 0 {
		return 0
	}
	return r
}

// Rules returns what a file of kind k must pass when DontBlameSendmail is b.
func (b Blame) Rules(k Kind) Rules {
	switch k {
	case ConfigFile:
		return RegularOnly | RootOK
	case AliasFile:
		return b.aliasRules() | NotExecutable
	case AliasText:
		return b.aliasRules() | b.except(MapInUnsafeDirPath, SafeDirPath)
	case MapFile:
		return RegularOnly | b.except(MapInUnsafeDirPath, SafeDirPath) |
			b.except(LinkedMapInWritableDir, NoLinkInWritableDir)
	case MapWrite:
		return RegularOnly | RootOK | b.except(WriteMapToHardLink, NoHardLink) | b.except(WriteMapToSymLink, NoSymlink) |
			b.except(MapInUnsafeDirPath, SafeDirPath) | b.except(LinkedMapInWritableDir, NoLinkInWritableDir)
	case ClassFile:
		return RegularOnly | b.except(ClassFileInUnsafeDirPath, SafeDirPath) |
			b.except(LinkedClassFileInWritableDir, NoLinkInWritableDir)
	case ForwardFile, IncludeFile:
		return b.listRules(k)
	case HelpFile:
		return RegularOnly | RootOK | b.except(HelpFileInUnsafeDirPath, SafeDirPath)
	case ErrorHeader:
		return RegularOnly | b.except(ErrorHeaderInUnsafeDirPath, SafeDirPath)
	case ServiceSwitch:
		return RegularOnly | b.except(LinkedServiceSwitchFileInWritableDir, NoLinkInWritableDir)
	case StatusFile:
		return RegularOnly | RootOK | NotExecutable | b.except(WriteStatsToHardLink, NoHardLink) | b.except(WriteStatsToSymLink, NoSymlink)
	case FileDelivery:
		return RegularOnly | NotExecutable | b.except(FileDeliveryToHardLink, NoHardLink) |
			b.except(FileDeliveryToSymLink, NoSymlink)
	case Program:
		return RegularOnly | b.except(RunProgramInUnsafeDirPath, SafeDirPath) |
			b.except(RunWritableProgram, NoGroupWritable|NoWorldWritable)
	case ControlSocket:
		return RootOK | SafeDirPath | NoGroupWritable | NoWorldWritable
	case HostStatusFile:
		return RegularOnly | RootOK | NoSymlink | NoHardLink | NoGroupWritable | NoWorldWritable | NotExecutable |
			SafeDirPath
	case RelayTable:
		return RegularOnly | RootOK | NoSymlink | NoHardLink | NoWorldWritable | SafeDirPath
	case RelayAllow:
		return RegularOnly | RootOK | NoLinkInWritableDir | NoGroupWritable | NoWorldWritable | SafeDirPath
	}
	return b.secretRules(k)
}

// aliasRules are those of the text of aliases.
func (b Blame) aliasRules() Rules {
	return RegularOnly | RootOK | b.except(WorldWritableAliasFile, NoWorldWritable) | b.except(GroupWritableAliasFile, NoGroupWritable) |
		b.except(LinkedAliasFileInWritableDir, NoLinkInWritableDir)
}

// secretRules are those of files with keys and passwords.
func (b Blame) secretRules(k Kind) Rules {
	const secret = RegularOnly | RootOK | NoSymlink | NoGroupWritable | NoWorldWritable | NoWorldReadable
	switch k {
	case KeyFile: // keys and certificates are often links to the newest of several
		return secret&^NoSymlink | NoLinkInWritableDir | b.except(GroupReadableKeyFile, NoGroupReadable)
	case AuthInfo:
		return secret | b.except(GroupReadableDefaultAuthInfoFile, NoGroupReadable)
	case SASLFile:
		return secret&^NoGroupWritable | b.except(GroupWritableSASLDBFile, NoGroupWritable) |
			b.except(GroupReadableSASLDBFile, NoGroupReadable)
	}
	return RegularOnly | RootOK
}

// Safe is b without what lets a .forward or :include: file be read though others can change it, unless the name with
// ...Safe behind it is there too: only files that pass with Safe may name programs and files.
func (b Blame) Safe() Blame {
	keep := func(read, safe Blame) {
		if b&safe == 0 {
			b &^= read
		}
	}
	keep(ForwardFileInUnsafeDirPath, ForwardFileInUnsafeDirPathSafe)
	keep(IncludeFileInUnsafeDirPath, IncludeFileInUnsafeDirPathSafe)
	keep(GroupWritableForwardFile, GroupWritableForwardFileSafe)
	keep(GroupWritableIncludeFile, GroupWritableIncludeFileSafe)
	return b &^ (WorldWritableForwardFile | WorldWritableIncludeFile)
}

// listRules are those of .forward and :include: files. That such a file may be read does not mean that the programs
// and files it names may be used: op.txt's ...Safe names decide that, where the list is read.
func (b Blame) listRules(k Kind) Rules {
	if k == ForwardFile {
		r := RegularOnly | MustOwn | b.except(ForwardFileInUnsafeDirPath, SafeDirPath) |
			b.except(LinkedForwardFileInWritableDir, NoLinkInWritableDir) |
			b.except(GroupWritableForwardFile, NoGroupWritable) | b.except(WorldWritableForwardFile, NoWorldWritable)
		if b.Has(ForwardFileInGroupWritableDirPath) {
			r |= GroupDirOK
		}
		return r
	}
	r := RegularOnly | RootOK | b.except(IncludeFileInUnsafeDirPath, SafeDirPath) |
		b.except(LinkedIncludeFileInWritableDir, NoLinkInWritableDir) |
		b.except(GroupWritableIncludeFile, NoGroupWritable) | b.except(WorldWritableIncludeFile, NoWorldWritable)
	if b.Has(IncludeFileInGroupWritableDirPath) {
		r |= GroupDirOK
	}
	return r
}
