package cf

import (
	"reflect"
	"strings"
	"testing"
)

// TestEachOptionSetsItsField: a line sets the field of the option's own name, and no other.
func TestEachOptionSetsItsField(t *testing.T) {
	values := map[string]string{"EightBitMode": "mime", "DeliveryMode": "queue", "ErrorMode": "mail",
		"QueueSortOrder": "host", "SuperSafe": "false",
		"PrivacyOptions": "noexpn", "DontBlameSendmail": "TrustStickyBit", "ResolverOptions": "usevc",
		"DontProbeInterfaces": "true",
		"NoRecipientAction":   "add-to", "BlankSub": "_", "SafeFileEnvironment": "/safe", "MaxMimeHeaderLength": "77/33",
		"AuthRealm": "zebra"}
	elsewhere := map[string]string{"QueueTimeout": "Timeout", "UnsafeGroupWrites": "DontBlameSendmail"}
	also := map[string]string{"TimeZoneSpec": "TimeZoneSet", "MaxMimeHeaderLength": "MaxMimeFieldLength"}
	byKind := map[Kind]string{Bool: "", Int: "77", Size: "77", Octal: "0617", Time: "77s", Text: "zebra", Macros: "zebra",
		List: "zebra", User: "7:8"}
	for _, def := range Options() {
		if def.Kind == Subs {
			continue
		}
		value := values[def.Name]
		if value == "" {
			value = byKind[def.Kind]
		}
		before := settingsOf(t, "")
		if def.Kind == Bool {
			value = "true"
			if f := before.FieldByName(def.Name); f.IsValid() && f.Kind() == reflect.Bool && f.Bool() ||
				def.Name == "UnsafeGroupWrites" {
				value = "false"
			}
		}
		after := settingsOf(t, "O "+def.Name+"="+value+"\n")
		want := def.Name
		if other := elsewhere[want]; other != "" {
			want = other
		}
		changed := false
		for i := range before.NumField() {
			name := before.Type().Field(i).Name
			same := reflect.DeepEqual(before.Field(i).Interface(), after.Field(i).Interface())
			switch {
			case name == want:
				changed = !same
			case !same && also[def.Name] != name:
				t.Errorf("option %s=%s changes %s", def.Name, value, name)
			}
		}
		if !changed {
			t.Errorf("option %s=%s does not change %s", def.Name, value, want)
		}
	}
}

func settingsOf(t *testing.T, lines string) reflect.Value {
	t.Helper()
	c, err := Parse(strings.NewReader("V10/Berkeley\n"+lines), Input{File: "x.cf"})
	if c == nil {
		t.Fatal(err)
	}
	return reflect.ValueOf(c.Settings)
}
