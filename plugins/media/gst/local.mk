# The only place that includes or links GStreamer.
plugin_LTLIBRARIES += plugins/media/gst/media_gst.la
plugins_media_gst_media_gst_la_SOURCES = \
	plugins/media/gst/capture.c \
	plugins/media/gst/ends.c \
	plugins/media/gst/ends.h \
	plugins/media/gst/gst.c \
	plugins/media/gst/gst.h \
	plugins/media/gst/pipeline.c \
	plugins/media/gst/play.c \
	plugins/media/gst/plugin.c
plugins_media_gst_media_gst_la_CFLAGS  = $(MODULE_CFLAGS) $(GST_CFLAGS)
plugins_media_gst_media_gst_la_LDFLAGS = $(MODULE_LDFLAGS)
plugins_media_gst_media_gst_la_LIBADD  = $(GST_LIBS)
EXTRA_DIST += plugins/media/gst/README.md

EXTRA_DIST += tests/lab/in-lab.sh tests/lab/pipewire-air.sh
check_PROGRAMS += tests/lab/media_gst
tests_lab_media_gst_SOURCES  = tests/lab/media_gst.c
tests_lab_media_gst_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lab_media_gst_LDADD    = tests/kit/libfakehost.la -lm
dist_check_SCRIPTS += \
	tests/lab/gst-alsa.sh \
	tests/lab/gst-audio.sh \
	tests/lab/gst-errors.sh \
	tests/lab/gst-pipewire.sh \
	tests/lab/gst-video.sh
TESTS += \
	tests/lab/gst-audio.sh \
	tests/lab/gst-errors.sh \
	tests/lab/gst-video.sh

check_PROGRAMS += tests/lab/media_chain
tests_lab_media_chain_SOURCES  = tests/lab/media_chain.c
tests_lab_media_chain_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lab_media_chain_LDADD    = tests/kit/libfakehost.la
dist_check_SCRIPTS += tests/lab/chain-audio.sh tests/lab/chain-video.sh tests/lab/light.sh
TESTS += tests/lab/chain-audio.sh tests/lab/chain-video.sh
