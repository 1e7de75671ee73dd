/*
 * For targets built without an engine: repeatable numbers to invent inputs from, and files
 * to replay.  Included where FUZZ_ENGINE is not defined; state is the seed.
 */
#ifndef FUZZ_DRAW_H
#define FUZZ_DRAW_H

#include <stdint.h>
#include <stdio.h>

static uint64_t state = FUZZ_SEED;

static uint32_t
draw(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(state >> 33) % below;
}

/* Each file of the command line through the target; 1 when one cannot be read. */
static inline int
replay_files(int argc, char **argv, uint8_t *data, size_t room)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		if (file == NULL) {
			perror(argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput(data, fread(data, 1, room, file));
		fclose(file);
	}
	return 0;
}

#endif
