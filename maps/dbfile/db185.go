package dbfile

import "errors"

var errOld = errors.New("files of Berkeley DB 1.85 are not supported: write the table with makemap")

func openHash185([]byte) (format, error)  { return nil, errOld }
func openBtree185([]byte) (format, error) { return nil, errOld }
