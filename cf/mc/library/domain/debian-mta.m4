divert(-1)
dnl DOMAIN: the server of a Debian host
ifdef(`sm_version',, `include(_CF_DIR_`'debian/autoconf.m4)divert(-1)')
_VALUES_(`DEBIAN_MTA', `', `STATUS_FILE', `/var/lib/sendmail/sendmail.st', `confHOST_STATUS_DIRECTORY', `/var/lib/sendmail/host_status',
	`confPID_FILE', `/var/run/sendmail/mta/sendmail.pid', `confCONTROL_SOCKET_NAME', `/var/run/sendmail/mta/smcontrol',
	`confPROCESS_TITLE_PREFIX', `MTA', `confMAX_DAEMON_CHILDREN', `0', `confRRT_IMPLIES_DSN', `False', `confSAFE_FILE_ENV', `/',
	`confSAFE_QUEUE', `True', `confQUEUE_FILE_MODE', `0640', `confTEMP_FILE_MODE', `0640', `confMAX_HOP', `100',
	`confTO_ICONNECT', `2m', `confTO_MAIL', `2m', `confTO_DATAINIT', `2m', `confTO_RSET', `1m', `confTO_QUIT', `2m', `confTO_COMMAND', `5m', `confTO_IDENT', `5s',
	`confPRIVACY_FLAGS', `restrictqrun,restrictexpand', `confMAX_RUNNERS_PER_QUEUE', `5')
dnl groups may write to home folders and lists
define(`confDONT_BLAME_SENDMAIL', defn(`confDONT_BLAME_SENDMAIL')`,AssumeSafeChown,ForwardFileInGroupWritableDirPath,GroupWritableForwardFileSafe,GroupWritableIncludeFileSafe'dnl
`,IncludeFileInGroupWritableDirPath,DontWarnForwardFileInUnsafeDirPath,TrustStickyBit,NonRootSafeAddr,GroupWritableIncludeFile,GroupReadableDefaultAuthInfoFile')
_DEFIFNOT(`confTRUSTED_USER', `smmta')
