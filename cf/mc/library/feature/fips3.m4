divert(-1)
dnl FEATURE: refused: it sets up the FIPS module of OpenSSL, and TLS here does without OpenSSL
_WRONG_(`FEATURE(fips3) sets up OpenSSL, which is not used here; build with GOFIPS140 for a FIPS module')
