# The contract: installed headers, only the C library.
pkgincludedir = $(includedir)/countersign
pkginclude_HEADERS = \
	sdk/include/countersign/attest.h \
	sdk/include/countersign/ceremony.h \
	sdk/include/countersign/channel.h \
	sdk/include/countersign/format.h \
	sdk/include/countersign/gate.h \
	sdk/include/countersign/host.h \
	sdk/include/countersign/keys.h \
	sdk/include/countersign/media.h \
	sdk/include/countersign/plugin.h \
	sdk/include/countersign/prompt.h \
	sdk/include/countersign/store.h \
	sdk/include/countersign/types.h

# What a plugin's own build asks for.
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = sdk/countersign.pc
