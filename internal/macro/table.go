package macro

import "sort"

// Table holds macro values in internal form. Tables form layers: what a table does not define is looked for in its
// parent (mailer, envelope, session, and last the values of the configuration). A table has one writer and needs no
// lock; one that is shared, such as the configuration's, is only read.
type Table struct {
	parent *Table
	values map[string]string
}

// NewTable returns an empty table above parent, which may be nil.
func NewTable(parent *Table) *Table { return &Table{parent: parent} }

// Define sets a macro in this layer.
func (t *Table) Define(name, value string) {
	if t.values == nil {
		t.values = make(map[string]string)
	}
	t.values[name] = value
}

// Undefine removes a macro from this layer; the value of a lower layer shows again.
func (t *Table) Undefine(name string) { delete(t.values, name) }

// Macro returns the value of a macro in internal form, not expanded.
func (t *Table) Macro(name string) (string, bool) {
	for ; t != nil; t = t.parent {
		if v, ok := t.values[name]; ok {
			return v, true
		}
	}
	return "", false
}

// Expand expands s with the values of this table and its parents.
func (t *Table) Expand(s string) (string, error) { return Expand(s, t.Macro) }

// Names returns the names defined in this layer, sorted.
func (t *Table) Names() []string {
	names := make([]string, 0, len(t.values))
	for n := range t.values {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
