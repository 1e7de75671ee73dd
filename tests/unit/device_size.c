/* What the device costs in RAM; printed, and held below what is promised. */
#include "kit/tap.h"

#include "device/device.h"

#define ROW(type, top) { #type, sizeof(struct type), (top) }

static const struct {
	const char *what;
	size_t      size, top;
} rows[] = {
	ROW(csn_device_state, 9216),
	ROW(csn_device_session, 2048),
	ROW(csn_device_greeting, 512),
	ROW(csn_device_action, 128),
	ROW(csn_device_audit, 128),
	ROW(csn_device, 24576),
};

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		tap_ok(rows[i].size <= rows[i].top, "struct %s is %zu bytes, at most %zu",
		       rows[i].what, rows[i].size, rows[i].top);
	tap_note("the work buffer is the host's: %d bytes take every message", CSN_DEVICE_BUF_MAX);
	return tap_done();
}
