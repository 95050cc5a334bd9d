// Package acceptance holds the tests of whole sites: the programs as built, in a private world with its own network,
// DNS, users and /etc/mail, beside the original where it decides. It has no code of its own.
//
// The tests need root and the folder with the arena (GOSENDMAIL_SHARED); they skip, with the reason, elsewhere.
package acceptance
