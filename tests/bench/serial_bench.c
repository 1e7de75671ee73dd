/*
 * Messages of the largest size one way over two ends of channel/serial, for a while:
 *   serial_bench PORT PORT BAUD SECONDS
 * Prints "baud N bytes_per_s N messages N seconds N".
 */
#include "kit/fakehost.h"

#include <countersign/channel.h>

#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
	static uint8_t bytes[40960];
	struct csn_error err = { 0 };
	void *ends[2] = { NULL, NULL };

	if (argc != 5)
		return 2;
	struct fakehost *fake = fakehost_new(true);
	const struct csn_host *host = fakehost_host(fake);
	const struct csn_component *component = fakehost_load("channel/serial");
	const struct csn_channel_ops *ops = component->ops.channel;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	for (int i = 0; i < 2; i++)
		if (fakehost_create(fake, component,
		                    (const char *const[]){ "device", argv[1 + i], "baud", argv[3], NULL },
		                    &ends[i], &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
	const uint64_t limit_ns = strtoul(argv[4], NULL, 10) * UINT64_C(1000000000);
	const size_t len = strtoul(argv[3], NULL, 10) < 100000 ? 4096 : sizeof bytes;
	uint64_t start_ns = 0, end_ns = 0;
	unsigned messages = 0;
	/* The first one opens the ports and is not counted. */
	for (unsigned i = 0; i == 0 || end_ns - start_ns < limit_ns; i++) {
		struct csn_op *send = fakehost_op(fake), *get = fakehost_op(fake);
		ops->receive(ends[1], get);
		ops->send(ends[0], send, (struct csn_bytes){ bytes, len });
		if (!fakehost_wait(fake, get, 600000) || !fakehost_wait(fake, send, 600000))
			return 1;
		fakehost_op_free(send);
		fakehost_op_free(get);
		end_ns = host->now(host);
		if (i == 0)
			start_ns = end_ns;
		messages += i > 0;
	}
	const double seconds = (double)(end_ns - start_ns) / 1e9;
	printf("baud %s bytes_per_s %.0f messages %u seconds %.2f\n", argv[3],
	       messages * (double)len / seconds, messages, seconds);
	component->destroy(ends[0]);
	component->destroy(ends[1]);
	fakehost_free(fake);
	return 0;
}
