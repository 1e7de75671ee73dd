#include "nfc.h"

#include <stdlib.h>

/* Where the library looks by itself; another place it only takes from the environment. */
#define PCSCD_SOCKET "/run/pcscd/pcscd.comm"

static const struct csn_option nfc_options[] = {
	CSN_OPTION_STRING(struct nfc, reader_name, NULL, 1, 127,
	                  "part of the PC/SC reader's name; any reader if there is none"),
	CSN_OPTION_PATH(struct nfc, socket, PCSCD_SOCKET, 0, "pcscd's socket"),
	CSN_OPTION_STRING(struct nfc, medium, "nfc", 1, 32,
	                  "name of the medium this stands for"),
	CSN_OPTION_U32(struct nfc, limit, 65535, 1, 16777216, "largest message, in bytes"),
	CSN_OPTION_U32(struct nfc, chunk, 255, 16, 255, "most data bytes in one APDU"),
	CSN_OPTION_U32(struct nfc, poll_ms, 50, 1, 10000,
	               "time between looks for an answer in the tag"),
	CSN_OPTION_END
};

static const struct csn_option tag_options[] = {
	CSN_OPTION_STRING(struct nfc_tag, vpcd, "127.0.0.1:35963", 3, 80,
	                  "address and port of the virtual reader"),
	CSN_OPTION_STRING(struct nfc_tag, medium, "nfc", 1, 32,
	                  "name of the medium this stands for"),
	CSN_OPTION_U32(struct nfc_tag, limit, 65535, 1, 16777216, "largest message, in bytes"),
	CSN_OPTION_U32(struct nfc_tag, file, 8192, CSN_TAG_FILE_MIN, CSN_T4T_FILE_MAX,
	               "size of each of the tag's two files"),
	CSN_OPTION_U32(struct nfc_tag, retry_ms, 200, 10, 60000,
	               "time between looks for a reader"),
	CSN_OPTION_END
};

static int create_nfc(const struct csn_host *host, const struct csn_config *config,
                      void **ret_self, struct csn_error *err);
static void destroy_nfc(void *self);
static int create_tag(const struct csn_host *host, const struct csn_config *config,
                      void **ret_self, struct csn_error *err);
static void destroy_tag(void *self);

static const struct csn_component nfc_component = {
	.size        = sizeof nfc_component,
	.kind        = CSN_KIND_CHANNEL,
	.name        = "nfc",
	.summary     = "reads and writes NFC Forum Type 4 Tags through PC/SC",
	.options     = nfc_options,
	.create      = create_nfc,
	.destroy     = destroy_nfc,
	.ops.channel = &nfc_ops,
};

static const struct csn_component tag_component = {
	.size        = sizeof tag_component,
	.kind        = CSN_KIND_CHANNEL,
	.name        = "nfc-tag",
	.summary     = "plays a Type 4 Tag in a virtual reader: a device's side",
	.options     = tag_options,
	.create      = create_tag,
	.destroy     = destroy_tag,
	.ops.channel = &nfc_tag_ops,
};

static int
create_nfc(const struct csn_host *host, const struct csn_config *config, void **ret_self,
           struct csn_error *err)
{
	struct nfc *nfc = calloc(1, sizeof *nfc);
	if (nfc == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for an NFC channel");

	nfc->host = host;
	nfc->inbox.host = nfc->outbox.host = host;
	nfc->news_fd = -1;
	pthread_mutex_init(&nfc->lock, NULL);
	pthread_cond_init(&nfc->changed, NULL);
	int r = host->bind(config, &nfc_component, nfc, err);
	if (r == CSN_OK && strcmp(nfc->socket, PCSCD_SOCKET) != 0 &&
	    setenv("PCSCLITE_CSOCK_NAME", nfc->socket, 1) != 0)
		r = host->fail(err, CSN_E_NOMEM, "no memory for an NFC channel");
	if (r < 0)
		goto fail;
	r = nfc_start(nfc, err);
	if (r < 0)
		goto fail;
	*ret_self = nfc;
	return CSN_OK;

fail:
	destroy_nfc(nfc);
	return r;
}

static void
destroy_nfc(void *self)
{
	struct nfc *nfc = self;

	if (nfc == NULL)
		return;
	nfc_stop(nfc);
	pthread_cond_destroy(&nfc->changed);
	pthread_mutex_destroy(&nfc->lock);
	free(nfc);
}

static int
create_tag(const struct csn_host *host, const struct csn_config *config, void **ret_self,
           struct csn_error *err)
{
	struct nfc_tag *tag = calloc(1, sizeof *tag);
	if (tag == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for an NFC tag");

	tag->host = host;
	tag->inbox.host = tag->outbox.host = host;
	tag->fd = -1;
	int r = host->bind(config, &tag_component, tag, err);
	if (r < 0)
		goto fail;
	r = nfc_tag_start(tag, err);
	if (r < 0)
		goto fail;
	*ret_self = tag;
	return CSN_OK;

fail:
	destroy_tag(tag);
	return r;
}

static void
destroy_tag(void *self)
{
	struct nfc_tag *tag = self;

	if (tag == NULL)
		return;
	nfc_tag_stop(tag);
	free(tag);
}

CSN_PLUGIN(channel_nfc, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&nfc_component, &tag_component));
