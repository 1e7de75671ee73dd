/*
 * The text of a configuration with its includes put in their place, so that libconfig
 * opens no file, and with every integer written so that libconfig reads all of it.
 */
#ifndef CSN_CORE_CONFIG_TEXT_H
#define CSN_CORE_CONFIG_TEXT_H

#include "core/base/error.h"

/* Where a line of the joined text came from. */
struct text_line {
	unsigned file, line;
};

struct text_file {
	char *name;   /* as given, or as its includer's folder leads to it     */
	char *folder; /* absolute                                              */
};

struct config_text {
	char             *bytes; /* NUL at the end                             */
	size_t            len, room;
	struct text_line *lines; /* [0] is line 1                              */
	size_t            line_count, line_room;
	struct text_file *files;
	size_t            file_count;
	int               unclosed; /* a text or comment; the rest has no meaning */
};

/* Notes a mistake; @arg as given to text_read. */
typedef void text_note_fn(void *arg, const char *file, unsigned line, const char *text);

int text_read(struct config_text *text, const char *path, text_note_fn *note, void *arg,
              struct csn_error *err);
void text_done(struct config_text *text);

#endif
