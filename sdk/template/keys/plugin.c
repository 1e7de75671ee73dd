/* Keys over a token that is not there: every name is missing until one is. */
#include <countersign/host.h>
#include <countersign/plugin.h>
#include <countersign/keys.h>

#include <stdlib.h>

/* Talk to the token in find(); a private key never leaves it. */
struct instance {
	const struct csn_host *host;
};

static int
find(const struct instance *me, const char *key, struct csn_error *err)
{
	return me->host->fail(err, CSN_E_MISSING, "no key \"%.64s\"", key);
}

static int
public_key(void *self, const char *key, struct csn_buf **ret_spki, struct csn_error *err)
{
	(void)ret_spki;
	return find(self, key, err);
}

static int
certificate(void *self, const char *key, uint32_t index, struct csn_buf **ret_der,
            struct csn_error *err)
{
	(void)index;
	(void)ret_der;
	return find(self, key, err);
}

static int
sign(void *self, struct csn_op *op, const char *key, const char *algorithm,
     struct csn_bytes to_sign)
{
	const struct instance *me  = self;
	struct csn_error      *err = me->host->op_error(op);

	(void)to_sign;
	if (strcmp(algorithm, "EdDSA") != 0 && strcmp(algorithm, "ES256") != 0)
		return me->host->fail(err, CSN_E_UNSUPPORTED, "no algorithm \"%.32s\"", algorithm);
	return find(me, key, err);
}

static void
cancel(void *self, struct csn_op *op)
{
	(void)self; /* sign leaves no op pending */
	(void)op;
}

static const struct csn_keys_ops ops = {
	.size        = sizeof ops,
	.public_key  = public_key,
	.certificate = certificate,
	.sign        = sign,
	.cancel      = cancel,
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size    = sizeof component,
	.kind    = CSN_KIND_KEYS,
	.name    = "@NAME@",
	.summary = "holds no key yet",
	.create  = create,
	.destroy = destroy,
	.ops.keys = &ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct instance *me = calloc(1, sizeof *me);
	if (me == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for @KIND@ @NAME@");
	me->host = host;
	int r    = host->bind(config, &component, me, err);
	if (r < 0) {
		destroy(me);
		return r;
	}
	*ret_self = me;
	return CSN_OK;
}

static void
destroy(void *self)
{
	struct instance *me = self;

	if (me == NULL)
		return;
	free(me);
}

CSN_PLUGIN(@KIND@_@NAME@, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
