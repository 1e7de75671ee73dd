#include "ble.h"

#include <stdlib.h>

static const struct csn_option options[] = {
	CSN_OPTION_CHOICE(struct ble, mode, "central", "central|peripheral",
	                  "looks for devices that offer the service, or offers it"),
	CSN_OPTION_STRING(struct ble, adapter, "hci0", 1, 32, "the Bluetooth adapter"),
	CSN_OPTION_STRING(struct ble, name, NULL, 1, 20,
	                  "central: only a device of this name; peripheral: the own name"),
	CSN_OPTION_PATH(struct ble, socket, "/run/dbus/system_bus_socket", 0,
	                "the system bus's socket"),
	CSN_OPTION_STRING(struct ble, medium, "ble", 1, 32,
	                  "name of the medium this stands for"),
	CSN_OPTION_U32(struct ble, limit, 65535, 1, BLE_MESSAGE_MAX,
	               "largest message, in bytes"),
	CSN_OPTION_U32(struct ble, value, 508, BLE_VALUE_MIN, BLE_VALUE_MAX,
	               "most bytes in one GATT value, beside what the MTU allows"),
	CSN_OPTION_END
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size        = sizeof component,
	.kind        = CSN_KIND_CHANNEL,
	.name        = "ble",
	.summary     = "carries messages over Bluetooth LE, by one GATT service",
	.options     = options,
	.create      = create,
	.destroy     = destroy,
	.ops.channel = &ble_ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct ble *ble = calloc(1, sizeof *ble);
	if (ble == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a Bluetooth channel");

	ble->host = host;
	ble->inbox.host = ble->outbox.host = host;
	int r = host->bind(config, &component, ble, err);
	if (r < 0)
		goto fail;
	r = ble_start(ble, err);
	if (r < 0)
		goto fail;
	*ret_self = ble;
	return CSN_OK;

fail:
	destroy(ble);
	return r;
}

static void
destroy(void *self)
{
	struct ble *ble = self;

	if (ble == NULL)
		return;
	ble_stop(ble);
	free(ble);
}

CSN_PLUGIN(channel_ble, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
