divert(-1)
# The door of the macro library: every .mc comes in here, named on the command line or included from the file itself.
# Only after this file does the hash sign stop being the comment character of m4.
# A second visit changes nothing but the diversion, which is 0 afterwards.
ifdef(`_CF_DIR_',, `ifelse(__file__, `__file__', `define(`_CF_DIR_', `../')',
	`define(`_CF_DIR_', substr(__file__, 0, eval(len(__file__) - len(`m4/cf.m4'))))')')
ifdef(`_LIBRARY_',, `define(`_LIBRARY_', `8.18.1')include(_CF_DIR_`'m4/words.m4)include(_CF_DIR_`'m4/values.m4)')
divert(0)dnl
