package safefile

import (
	"fmt"
	"strings"
)

// Blame is a set of the names that the option DontBlameSendmail takes: each switches a check off.
type Blame uint64

// The names of op.txt section 4.9.2, in its order.
const (
	AssumeSafeChown Blame = 1 << iota
	ClassFileInUnsafeDirPath
	DontWarnForwardFileInUnsafeDirPath
	ErrorHeaderInUnsafeDirPath
	FileDeliveryToHardLink
	FileDeliveryToSymLink
	ForwardFileInGroupWritableDirPath
	ForwardFileInUnsafeDirPath
	ForwardFileInUnsafeDirPathSafe
	GroupReadableKeyFile
	GroupReadableSASLDBFile
	GroupReadableDefaultAuthInfoFile
	GroupWritableAliasFile
	GroupWritableDirPathSafe
	GroupWritableForwardFile
	GroupWritableForwardFileSafe
	GroupWritableIncludeFile
	GroupWritableIncludeFileSafe
	GroupWritableSASLDBFile
	HelpFileInUnsafeDirPath
	IncludeFileInGroupWritableDirPath
	IncludeFileInUnsafeDirPath
	IncludeFileInUnsafeDirPathSafe
	InsufficientEntropy
	LinkedAliasFileInWritableDir
	LinkedClassFileInWritableDir
	LinkedForwardFileInWritableDir
	LinkedIncludeFileInWritableDir
	LinkedMapInWritableDir
	LinkedServiceSwitchFileInWritableDir
	MapInUnsafeDirPath
	NonRootSafeAddr
	RunProgramInUnsafeDirPath
	RunWritableProgram
	TrustStickyBit
	WorldWritableAliasFile
	WorldWritableForwardFile
	WorldWritableIncludeFile
	WriteMapToHardLink
	WriteMapToSymLink
	WriteStatsToHardLink
	WriteStatsToSymLink
	CertOwner // 8.18: certificates may belong to others
)

// blameNames are the names as op.txt writes them, by bit.
var blameNames = [...]string{
	"AssumeSafeChown", "ClassFileInUnsafeDirPath", "DontWarnForwardFileInUnsafeDirPath",
	"ErrorHeaderInUnsafeDirPath", "FileDeliveryToHardLink", "FileDeliveryToSymLink",
	"ForwardFileInGroupWritableDirPath", "ForwardFileInUnsafeDirPath", "ForwardFileInUnsafeDirPathSafe",
	"GroupReadableKeyFile", "GroupReadableSASLDBFile", "GroupReadableDefaultAuthInfoFile",
	"GroupWritableAliasFile", "GroupWritableDirPathSafe", "GroupWritableForwardFile",
	"GroupWritableForwardFileSafe", "GroupWritableIncludeFile", "GroupWritableIncludeFileSafe",
	"GroupWritableSASLDBFile", "HelpFileInUnsafeDirPath", "IncludeFileInGroupWritableDirPath",
	"IncludeFileInUnsafeDirPath", "IncludeFileInUnsafeDirPathSafe", "InsufficientEntropy",
	"LinkedAliasFileInWritableDir", "LinkedClassFileInWritableDir", "LinkedForwardFileInWritableDir",
	"LinkedIncludeFileInWritableDir", "LinkedMapInWritableDir", "LinkedServiceSwitchFileInWritableDir",
	"MapInUnsafeDirPath", "NonRootSafeAddr", "RunProgramInUnsafeDirPath", "RunWritableProgram",
	"TrustStickyBit", "WorldWritableAliasFile", "WorldWritableForwardFile", "WorldWritableIncludeFile",
	"WriteMapToHardLink", "WriteMapToSymLink", "WriteStatsToHardLink", "WriteStatsToSymLink",
	"CertOwner",
}

// BlameNames returns the names that ParseBlame knows, besides Safe.
func BlameNames() []string { return append([]string(nil), blameNames[:]...) }

// ParseBlame reads the value of DontBlameSendmail: names in any case, separated by commas or space. Safe clears what
// stood before it. An unknown name is an error that tells it; the others are still in the result.
func ParseBlame(value string) (Blame, error) {
	var set Blame
	var unknown []string
	for _, name := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		if strings.EqualFold(name, "safe") {
			set = 0
			continue
		}
		if bit, ok := blameBit(name); ok {
			set |= bit
			continue
		}
		unknown = append(unknown, name)
	}
	if unknown != nil {
		return set, fmt.Errorf("DontBlameSendmail option: %s unrecognized", strings.Join(unknown, ", "))
	}
	return set, nil
}

func blameBit(name string) (Blame, bool) {
	for i, known := range blameNames {
		if strings.EqualFold(known, name) {
			return 1 << i, true
		}
	}
	return 0, false
}

// Has reports whether all of want are in the set.
func (b Blame) Has(want Blame) bool { return b&want == want }

// String returns the names separated by commas, or Safe for the empty set.
func (b Blame) String() string {
	var names []string
	for i, name := range blameNames {
		if b&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "Safe"
	}
	return strings.Join(names, ",")
}
