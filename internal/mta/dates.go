package mta

import (
	"strconv"
	"time"
)

// rfc822Date is the date of $a and $b: "Sun, 22 Nov 2026 13:44:58 +0900", with GMT for a zone without offset, as the
// original writes it.
func rfc822Date(t time.Time) string {
	const layout = "Mon, 2 Jan 2006 15:04:05 "
	if _, offset := t.Zone(); offset == 0 {
		return t.Format(layout + "GMT")
	}
	return t.Format(layout + "-0700")
}

// unixDate is the date of $d, as ctime(3) writes it.
func unixDate(t time.Time) string { return t.Format("Mon Jan _2 15:04:05 2006") }

// minuteStamp is $t: the minute in UTC as digits.
func minuteStamp(t time.Time) string { return t.UTC().Format("200601021504") }

// interval writes a duration as delay= and ${queue_interval} do: "1+02:03:04", days only where there are any.
func interval(d time.Duration) string {
	s := int64(d / time.Second)
	days := ""
	if s >= 86400 {
		days = itoa(s/86400) + "+"
		s %= 86400
	}
	return days + two(s/3600) + ":" + two(s/60%60) + ":" + two(s%60)
}

func two(n int64) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
