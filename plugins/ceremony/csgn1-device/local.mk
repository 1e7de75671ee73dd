plugin_LTLIBRARIES += ceremony_csgn1_device.la
ceremony_csgn1_device_la_SOURCES = \
	plugins/ceremony/csgn1-device/csgn1-device.c \
	plugins/ceremony/csgn1-device/csgn1-device.h \
	plugins/ceremony/csgn1-device/plugin.c
ceremony_csgn1_device_la_CFLAGS  = $(MODULE_CFLAGS)
ceremony_csgn1_device_la_LDFLAGS = $(MODULE_LDFLAGS)
ceremony_csgn1_device_la_LIBADD  = \
	sdk/device/libcsndevice.la sdk/lib/libcsnsdk.la sdk/lib/libcsncrypto.la
EXTRA_DIST += plugins/ceremony/csgn1-device/README.md
