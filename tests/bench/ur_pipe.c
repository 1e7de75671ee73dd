/*
 * UR for other programs, to be compared with:
 *
 *   ur-pipe take                        parts on standard input, one a line, until the message is
 *                                       there; it goes to standard output, the CPU time to
 *                                       standard error
 *   ur-pipe make TYPE PIECE FIRST COUNT the message on standard input, parts to standard output
 */
#include "lib/ur.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE = 20000 };

static double
cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int
take(void)
{
	struct csn_ur_receiver *receiver = csn_ur_receiver_new(CSN_UR_MESSAGE_MAX);
	struct csn_bytes message = { NULL, 0 };
	static char line[LINE];
	enum csn_ur_was was;
	unsigned parts = 0;
	uint32_t have = 0, count = 0;
	const char *type = "";
	double spent = 0;

	while (receiver != NULL && message.len == 0 && fgets(line, sizeof line, stdin) != NULL) {
		double start = cpu_ms();

		line[strcspn(line, "\r\n")] = '\0';
		csn_ur_receiver_take(receiver, (struct csn_bytes){ (uint8_t *)line, strlen(line) }, &was);
		message = csn_ur_receiver_message(receiver, &type);
		parts++;
		spent += cpu_ms() - start;
	}
	if (receiver != NULL)
		csn_ur_receiver_progress(receiver, &have, &count);
	fwrite(message.ptr, 1, message.len, stdout);
	fprintf(stderr, "ur: %s %zu bytes after %u parts of %u pieces, %.0f ms of CPU\n", type,
	        message.len, parts, count, spent);
	csn_ur_receiver_free(receiver);
	return message.len > 0 ? 0 : 1;
}

static int
make(char **arg)
{
	static uint8_t message[CSN_UR_MESSAGE_MAX];
	const size_t len = fread(message, 1, sizeof message, stdin);
	uint32_t first = (uint32_t)strtoul(arg[2], NULL, 10), count = (uint32_t)strtoul(arg[3], NULL, 10);
	struct csn_ur_sender *sender;

	if (csn_ur_sender_pieces(arg[0], (struct csn_bytes){ message, len },
	                         strtoul(arg[1], NULL, 10), &sender) < 0)
		return 1;
	char *text = malloc(csn_ur_sender_room(sender));
	for (uint32_t n = first; text != NULL && n < first + count; n++) {
		csn_ur_sender_part(sender, n, text);
		puts(text);
	}
	free(text);
	csn_ur_sender_free(sender);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "take") == 0)
		return take();
	if (argc == 6 && strcmp(argv[1], "make") == 0)
		return make(argv + 2);
	fprintf(stderr, "usage: ur-pipe take | make TYPE PIECE FIRST COUNT\n");
	return 2;
}
