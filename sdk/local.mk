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

# What `countersign plugins new` copies.
commontemplatedir = $(datadir)/countersign/template/common
dist_commontemplate_DATA = sdk/template/common/Makefile sdk/template/common/meson.build sdk/template/common/test.sh
channeltemplatedir = $(datadir)/countersign/template/channel
dist_channeltemplate_DATA = sdk/template/channel/plugin.c sdk/template/channel/README.md
mediatemplatedir = $(datadir)/countersign/template/media
dist_mediatemplate_DATA = sdk/template/media/plugin.c sdk/template/media/README.md
attesttemplatedir = $(datadir)/countersign/template/attest
dist_attesttemplate_DATA = sdk/template/attest/plugin.c sdk/template/attest/README.md
formattemplatedir = $(datadir)/countersign/template/format
dist_formattemplate_DATA = sdk/template/format/plugin.c sdk/template/format/README.md
ceremonytemplatedir = $(datadir)/countersign/template/ceremony
dist_ceremonytemplate_DATA = sdk/template/ceremony/plugin.c sdk/template/ceremony/README.md
keystemplatedir = $(datadir)/countersign/template/keys
dist_keystemplate_DATA = sdk/template/keys/plugin.c sdk/template/keys/README.md
storetemplatedir = $(datadir)/countersign/template/store
dist_storetemplate_DATA = sdk/template/store/plugin.c sdk/template/store/README.md
prompttemplatedir = $(datadir)/countersign/template/prompt
dist_prompttemplate_DATA = sdk/template/prompt/plugin.c sdk/template/prompt/README.md

# A plugin written outside this tree, as the tutorial tells it.
fifoexampledir = $(datadir)/countersign/example/channel_fifo
dist_fifoexample_DATA = \
	sdk/example/channel_fifo/Makefile \
	sdk/example/channel_fifo/README.md \
	sdk/example/channel_fifo/channel_fifo.c \
	sdk/example/channel_fifo/meson.build \
	sdk/example/channel_fifo/test.sh

# What an author reads.
dist_doc_DATA = docs/abi.md docs/isolation.md docs/plugin-tutorial.md
