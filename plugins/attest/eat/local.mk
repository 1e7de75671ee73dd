noinst_LTLIBRARIES += plugins/attest/eat/libeat.la
plugins_attest_eat_libeat_la_SOURCES = plugins/attest/eat/cca.c plugins/attest/eat/claims.c \
	plugins/attest/eat/eat.h plugins/attest/eat/token.c
plugins_attest_eat_libeat_la_CFLAGS = $(MODULE_CFLAGS)
