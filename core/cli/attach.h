/*
 * Attachments of protocol.md section 9, carried as files: one sealed stream a file in
 * the folder of the channel of role bulk.  See docs/attachments.md.
 */
#ifndef CSN_CLI_ATTACH_H
#define CSN_CLI_ATTACH_H

#include "core/cli/runner.h"
#include "lib/attachment.h"
#include "lib/csgn1.h"

#define ATTACH_MAX      8
#define ATTACH_ID_MAX   32
#define ATTACH_NAME_LEN (2 * CSN_ID_LEN + 1 + 2 * ATTACH_ID_MAX + sizeof ".att")

/*
 * Where streams lie, malloced: the folder of a bulk channel that is files, or, with
 * *ret_messages true, a folder "spool" beside the configuration for one that carries
 * messages.  NULL after cli_fail.
 */
char *attach_folder(struct cli *cli, const char *config, bool *ret_messages);
/* The stream's file name: sid, a dash, id, both in hex, and .att. */
void attach_name(const uint8_t sid[CSN_ID_LEN], struct csn_bytes id,
                 char ret_name[ATTACH_NAME_LEN]);
/* Forces a folder's entries to the disk; 0 or a negative errno. */
int attach_sync(const char *folder);

/* One attachment at the station; its stream waits under a hidden name. */
struct attach {
	struct csn_bytes id, kind; /* borrowed from the command line         */
	const char      *path;
	uint32_t         length;
	uint8_t          hash[CSN_HASH_LEN];
	uint8_t          key[CSN_AEAD_KEY_MAX];
	char            *temp;
};

struct attach_set {
	struct cli   *cli;
	unsigned      suite;
	char         *folder;
	bool          messages; /* the bulk channel carries messages, not files */
	size_t        count;
	struct attach rows[ATTACH_MAX];
};

/*
 * Reads what @specs (ID=FILE or ID:KIND=FILE, NULL ends) name, for the device of
 * @subject, and seals each into the bulk folder.  CLI_OK, or an exit code after
 * cli_fail; attach_done is due either way.
 */
int attach_prepare(struct attach_set *set, struct cli *cli, char *const *specs,
                   const char *config, struct csn_bytes subject);
/* @record with the rows added, malloced and secret; an exit code. */
int attach_record(struct attach_set *set, struct csn_bytes record, uint8_t **ret_bytes,
                  size_t *ret_len);
/* Gives the streams the names a device of session @sid looks for; an exit code. */
int attach_publish(struct attach_set *set, const uint8_t sid[CSN_ID_LEN]);
/* Removes what was not published and wipes the keys. */
void attach_done(struct attach_set *set);

#endif
