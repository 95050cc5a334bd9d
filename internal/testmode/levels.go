package testmode

import (
	"fmt"
	"strings"
)

// printed are the categories of -d that print something in the test mode, with the highest level at which all is
// printed that the original prints.
var printed = map[int]int{0: 43, 12: all, 20: all, 21: all, 24: all, 33: all, 35: 13, 37: 1, 38: 8, 48: all, 60: all, 61: all}

// all is beyond the highest level.
const all = 999

// Silent returns the words of a -d value that ask for categories or levels at which nothing is printed here. Where all
// categories are asked for at once nobody waits for one of them.
func Silent(value string) []string {
	var list []string
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		var first, last, level int
		if n, _ := fmt.Sscanf(word, "%d-%d.%d", &first, &last, &level); n >= 2 {
			continue
		}
		level = 1
		if n, _ := fmt.Sscanf(word, "%d.%d", &first, &level); n == 0 {
			list = append(list, word)
			continue
		}
		if most, ok := printed[first]; !ok && level > 0 {
			list = append(list, word)
		} else if level > most {
			list = append(list, fmt.Sprintf("%s beyond %d.%d", word, first, most))
		}
	}
	return list
}
