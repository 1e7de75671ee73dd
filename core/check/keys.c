/* Keys for the ceremonies that ask to sign: another module's, which is taken as it is. */
#include "core/check/session.h"

#include "core/check/heap.h"
#include "core/host.h"

#include <countersign/keys.h>

#include <stdlib.h>

#define CERTIFICATES 8

static const struct csn_component *component;
static const struct csn_config    *config;

static struct csn_host *host;
static void            *self;
static struct csn_buf  *certificates[CERTIFICATES]; /* lent to the session      */
static size_t           lent;

int
keys_of(const char *module, char **sets, struct csn_error *err)
{
	struct csn_loader *loader = csn_loader_new(NULL, NULL); /* lives as long as we */
	char              *real = realpath(module, NULL);
	int                r = loader == NULL ? CSN_E_NOMEM :
	                                        csn_loader_add_file(loader, real != NULL ? real : module, err);

	free(real);
	if (r < 0)
		return r;
	const struct csn_plugin *plugin = csn_loader_list(loader)->plugin;
	for (size_t i = 0; plugin->components[i] != NULL && component == NULL; i++)
		if (plugin->components[i]->kind == CSN_KIND_KEYS)
			component = plugin->components[i];
	if (component == NULL)
		return csn_fail(err, CSN_E_MISSING, "there are no keys in %.200s", module);
	if (sets == NULL)
		return CSN_OK;
	config = check_config(sets, err);
	return config != NULL ? CSN_OK : CSN_E_CONFIG;
}

bool
keys_open(void)
{
	struct csn_error err = { 0 };

	if (component == NULL)
		return true;
	host = csn_host_new(bench.loop, NULL, "keys");
	if (host != NULL && component->create(host, config, &self, &err) == CSN_OK)
		return true;
	check_broken(RULE_SESSION, "--keys: %s", csn_error_text(&err));
	csn_host_free(host);
	host = NULL;
	self = NULL;
	return false;
}

void
keys_close(void)
{
	while (lent > 0)
		csn_buf_unref(certificates[--lent]);
	if (self != NULL)
		component->destroy(self);
	csn_host_free(host);
	self = NULL;
	host = NULL;
}

int
keys_certificate(const char *key, uint32_t index, struct csn_bytes *ret_der)
{
	struct csn_error err = { 0 };
	struct csn_buf  *der = NULL;

	if (self == NULL || lent == CERTIFICATES)
		return CSN_E_MISSING;
	int r = component->ops.keys->certificate(self, key, index, &der, &err);
	if (r < 0)
		return r;
	certificates[lent++] = der;
	*ret_der = csn_buf_bytes(der);
	return CSN_OK;
}

struct answer {
	bool            over;
	int             result;
	struct csn_buf *signature;
};

static void
on_signed(void *arg, struct csn_op *op, int result, struct csn_buf *buf)
{
	struct answer *answer = arg;

	(void)op;
	answer->over = true;
	answer->result = result;
	answer->signature = buf != NULL ? csn_buf_ref(buf) : NULL;
}

struct csn_buf *
keys_sign(const char *key, const char *algorithm, struct csn_bytes message)
{
	struct answer       answer = { .over = false };
	struct csn_op_start start = { .what = "keys: sign",
		                      .fn = on_signed,
		                      .arg = &answer,
		                      .deadline_ns = csn_loop_now(bench.loop) + CHECK_WAIT,
		                      .self = self };
	struct csn_op      *op = self != NULL ? csn_op_new(bench.ops, &start) : NULL;

	if (op == NULL)
		return NULL;
	if (component->ops.keys->sign(self, op, key, algorithm, message) < 0) {
		csn_op_drop(op);
		return NULL;
	}
	while (!answer.over)
		trial_run(1);
	return answer.signature;
}
