# Both ceremonies over bad air, on a virtual clock.
check_PROGRAMS += tests/sim/loss
TESTS += tests/sim/loss
tests_sim_loss_SOURCES = \
	plugins/ceremony/csgn1-device/csgn1-device.c \
	plugins/ceremony/csgn1-device/csgn1-device.h \
	plugins/ceremony/csgn1-device/plugin.c \
	plugins/ceremony/csgn1-device/keys.c \
	plugins/ceremony/csgn1-device/rows.c \
	plugins/ceremony/csgn1-device/run.h \
	plugins/ceremony/csgn1-device/stages.c \
	plugins/channel/ble/frames.c \
	plugins/channel/ble/frames.h \
	plugins/channel/nfc/reader.c \
	plugins/channel/nfc/reader.h \
	tests/sim/loss.c \
	tests/sim/tag-air.c \
	tests/sim/tag-air.h
tests_sim_loss_CPPFLAGS = $(TEST_CPPFLAGS)
tests_sim_loss_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_sim_loss_LDADD = plugins/ceremony/csgn1/libcsgn1.la tests/kit/libfakehost.la \
	sdk/device/libcsndevicetag.la $(device_test_libs) $(JANSSON_LIBS)
# Light and sound over bad air, frame by frame.
check_PROGRAMS += tests/modules/channel_impaired
tests_modules_channel_impaired_SOURCES  = tests/modules/channel_impaired.c
tests_modules_channel_impaired_CPPFLAGS = $(TEST_CPPFLAGS)
tests_modules_channel_impaired_LDADD    = tests/kit/libfakehost.la
TESTS += tests/modules/channel_impaired
dist_check_SCRIPTS += tests/fuzz/campaign-channels.sh
