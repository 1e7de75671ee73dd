#include "serial.h"

#include <stdlib.h>

static const struct csn_option options[] = {
	CSN_OPTION_PATH(struct serial, device, NULL, CSN_OPT_REQUIRED,
	                "the port, as /dev/serial/by-id/usb-...; it may come and go"),
	CSN_OPTION_U32(struct serial, baud, 115200, 9600, 3000000, "rate, in bits a second"),
	CSN_OPTION_U32(struct serial, frame, 1024, CSN_LINE_DATA_MIN, CSN_LINE_DATA_MAX,
	               "message bytes in one frame"),
	CSN_OPTION_CHOICE(struct serial, flow, "none", "none|hardware", "flow control"),
	CSN_OPTION_STRING(struct serial, medium, "serial", 1, 32,
	                  "name of the medium this stands for"),
	CSN_OPTION_U32(struct serial, limit, 65535, 1, 65535, "largest message, in bytes"),
	CSN_OPTION_U32(struct serial, reopen_ms, 500, 10, 60000,
	               "time between looks for a port that is gone"),
	CSN_OPTION_END
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size        = sizeof component,
	.kind        = CSN_KIND_CHANNEL,
	.name        = "serial",
	.summary     = "carries messages over a serial line, both ways",
	.options     = options,
	.create      = create,
	.destroy     = destroy,
	.ops.channel = &serial_ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct serial *serial = calloc(1, sizeof *serial);
	if (serial == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a serial channel");

	serial->host = host;
	serial->inbox.host = serial->outbox.host = host;
	serial->fd   = -1;
	int r = host->bind(config, &component, serial, err);
	if (r < 0)
		goto fail;
	r = serial_start(serial, err);
	if (r < 0)
		goto fail;
	*ret_self = serial;
	return CSN_OK;

fail:
	destroy(serial);
	return r;
}

static void
destroy(void *self)
{
	struct serial *serial = self;

	if (serial == NULL)
		return;
	serial_stop(serial);
	free(serial);
}

CSN_PLUGIN(channel_serial, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
