/* Offers the service: the application's objects, their advertisement, writes and notifies. */
#include "bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define APP     "/org/countersign/ble"
#define SERVICE APP "/service"
#define WRITE   SERVICE "/write"
#define NOTIFY  SERVICE "/notify"
#define ADVERT  APP "/advertisement"

static const char interfaces[] =
	"<node>"
	"<interface name='" MANAGER "'>"
	"<method name='GetManagedObjects'><arg type='a{oa{sa{sv}}}' direction='out'/></method>"
	"</interface>"
	"<interface name='" I_SERVICE "'>"
	"<property name='UUID' type='s' access='read'/>"
	"<property name='Primary' type='b' access='read'/>"
	"</interface>"
	"<interface name='" I_VALUE "'>"
	"<method name='ReadValue'><arg type='a{sv}' direction='in'/>"
	"<arg type='ay' direction='out'/></method>"
	"<method name='WriteValue'><arg type='ay' direction='in'/>"
	"<arg type='a{sv}' direction='in'/></method>"
	"<method name='AcquireWrite'><arg type='a{sv}' direction='in'/>"
	"<arg type='h' direction='out'/><arg type='q' direction='out'/></method>"
	"<method name='StartNotify'/><method name='StopNotify'/>"
	"<property name='WriteAcquired' type='b' access='read'/>"
	"<property name='UUID' type='s' access='read'/>"
	"<property name='Service' type='o' access='read'/>"
	"<property name='Flags' type='as' access='read'/>"
	"</interface>"
	"<interface name='" I_ADVERT "'>"
	"<method name='Release'/>"
	"<property name='Type' type='s' access='read'/>"
	"<property name='ServiceUUIDs' type='as' access='read'/>"
	"<property name='LocalName' type='s' access='read'/>"
	"</interface>"
	"</node>";

/* Also the properties that GetManagedObjects lists. */
static const struct {
	const char *path, *iface, *name, *text; /* a text with a blank is a list */
} properties[] = {
	{ SERVICE, I_SERVICE, "UUID", BLE_SERVICE },
	{ SERVICE, I_SERVICE, "Primary", NULL },
	{ WRITE, I_VALUE, "UUID", BLE_WRITE },
	{ WRITE, I_VALUE, "Service", SERVICE },
	{ WRITE, I_VALUE, "Flags", "write write-without-response" },
	/* Without it BlueZ loses values that are written faster than it calls us. */
	{ WRITE, I_VALUE, "WriteAcquired", NULL },
	{ NOTIFY, I_VALUE, "UUID", BLE_NOTIFY },
	{ NOTIFY, I_VALUE, "Service", SERVICE },
	{ NOTIFY, I_VALUE, "Flags", "notify " },
	{ ADVERT, I_ADVERT, "Type", "peripheral" },
	{ ADVERT, I_ADVERT, "ServiceUUIDs", BLE_SERVICE " " },
	{ ADVERT, I_ADVERT, "LocalName", "" },
};

enum { PROPERTIES_COUNT = sizeof properties / sizeof properties[0] };

static GVariant *
value_of(const struct ble_bus *bus, size_t i)
{
	const char *text = properties[i].text;

	if (text == NULL)
		return g_variant_new_boolean(strcmp(properties[i].name, "Primary") == 0);
	if (text[0] == '\0')
		return g_variant_new_string(bus->ble->name != NULL ? bus->ble->name : "countersign");
	if (strcmp(properties[i].name, "Service") == 0)
		return g_variant_new_object_path(text);
	if (strchr(text, ' ') == NULL)
		return g_variant_new_string(text);
	GVariantBuilder list;
	char **words = g_strsplit(text, " ", 0);
	g_variant_builder_init(&list, G_VARIANT_TYPE("as"));
	for (char **word = words; *word != NULL; word++)
		if (**word != '\0')
			g_variant_builder_add(&list, "s", *word);
	g_strfreev(words);
	return g_variant_builder_end(&list);
}

static GVariant *
managed_objects(const struct ble_bus *bus)
{
	static const char *const paths[] = { SERVICE, WRITE, NOTIFY };
	GVariantBuilder objects;

	g_variant_builder_init(&objects, G_VARIANT_TYPE("a{oa{sa{sv}}}"));
	for (size_t p = 0; p < 3; p++) {
		GVariantBuilder ifaces, props;

		g_variant_builder_init(&ifaces, G_VARIANT_TYPE("a{sa{sv}}"));
		g_variant_builder_init(&props, G_VARIANT_TYPE("a{sv}"));
		for (size_t i = 0; i < PROPERTIES_COUNT; i++)
			if (strcmp(properties[i].path, paths[p]) == 0)
				g_variant_builder_add(&props, "{sv}", properties[i].name,
				                      value_of(bus, i));
		g_variant_builder_add(&ifaces, "{sa{sv}}", p == 0 ? I_SERVICE : I_VALUE, &props);
		g_variant_builder_add(&objects, "{oa{sa{sv}}}", paths[p], &ifaces);
	}
	return g_variant_new("(a{oa{sa{sv}}})", &objects);
}

/* ---- what BlueZ calls ------------------------------------------------------------------------ */

struct acquired {
	char     path[BLE_PATH];
	int      fd;
	uint32_t mtu;
};

struct written {
	char     path[BLE_PATH];
	size_t   len;
	uint8_t  value[BLE_VALUE_MAX];
};

static void
hear_written(void *self, void *news)
{
	const struct written *w = news;

	ble_written(self, w->path, (struct csn_bytes){ w->value, w->len });
}

static void
hear_acquired(void *self, void *news)
{
	struct acquired *acquired = news;

	ble_joined(self, acquired->path, -1, acquired->fd, acquired->mtu);
	acquired->fd = -1;
}

static void
drop_acquired(void *news)
{
	struct acquired *acquired = news;

	if (acquired->fd >= 0)
		close(acquired->fd);
	free(acquired);
}

static void
hear_subscribed(void *self, void *news)
{
	ble_subscribed(self, news != NULL);
}

static void
write_value(struct ble_bus *bus, GVariant *args)
{
	struct written *w = calloc(1, sizeof *w);
	GVariant *bytes = g_variant_get_child_value(args, 0);
	GVariant *options = g_variant_get_child_value(args, 1);
	const char *device = "";
	gsize len;
	const void *value = g_variant_get_fixed_array(bytes, &len, 1);

	g_variant_lookup(options, "device", "&o", &device);
	if (w != NULL && len > 0 && len <= sizeof w->value && strlen(device) < sizeof w->path) {
		memcpy(w->path, device, strlen(device) + 1);
		w->len = len;
		memcpy(w->value, value, len);
		csn_glib_tell(bus->ble->glib, hear_written, bus->ble, w, free);
	} else {
		free(w);
	}
	g_variant_unref(bytes);
	g_variant_unref(options);
}

/* One end of a pair of sockets for BlueZ, which puts every value into it. */
static void
acquire_write(struct ble_bus *bus, GVariant *args, GDBusMethodInvocation *invocation)
{
	struct acquired *acquired = calloc(1, sizeof *acquired);
	GUnixFDList *fds = g_unix_fd_list_new();
	GVariant *options = g_variant_get_child_value(args, 0);
	const char *device = "";
	guint16 mtu = 0;
	int pair[2] = { -1, -1 };

	g_variant_lookup(options, "device", "&o", &device);
	g_variant_lookup(options, "mtu", "q", &mtu);
	if (acquired != NULL && strlen(device) < sizeof acquired->path &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0 &&
	    g_unix_fd_list_append(fds, pair[1], NULL) == 0) {
		memcpy(acquired->path, device, strlen(device) + 1);
		acquired->fd = pair[0];
		acquired->mtu = mtu;
		csn_glib_tell(bus->ble->glib, hear_acquired, bus->ble, acquired, drop_acquired);
		g_dbus_method_invocation_return_value_with_unix_fd_list(
			invocation, g_variant_new("(hq)", 0, mtu), fds);
	} else {
		if (pair[0] >= 0)
			close(pair[0]);
		free(acquired);
		g_dbus_method_invocation_return_dbus_error(
			invocation, "org.bluez.Error.Failed", "no descriptor for the value");
	}
	if (pair[1] >= 0)
		close(pair[1]);
	g_variant_unref(options);
	g_object_unref(fds);
}

static void
on_call(GDBusConnection *connection, const char *sender, const char *path, const char *iface,
        const char *method, GVariant *args, GDBusMethodInvocation *invocation, void *arg)
{
	struct ble_bus *bus = arg;

	(void)connection;
	(void)sender;
	(void)iface;
	if (strcmp(method, "GetManagedObjects") == 0) {
		g_dbus_method_invocation_return_value(invocation, managed_objects(bus));
		return;
	}
	if (strcmp(method, "AcquireWrite") == 0 && strcmp(path, WRITE) == 0) {
		acquire_write(bus, args, invocation);
		return;
	}
	if (strcmp(method, "ReadValue") == 0 || strcmp(method, "AcquireWrite") == 0) {
		g_dbus_method_invocation_return_dbus_error(
			invocation, "org.bluez.Error.NotPermitted", "not with this value");
		return;
	}
	if (strcmp(method, "WriteValue") == 0 && strcmp(path, WRITE) == 0)
		write_value(bus, args);
	else if (strcmp(path, NOTIFY) == 0 && g_str_has_suffix(method, "Notify"))
		csn_glib_tell(bus->ble->glib, hear_subscribed, bus->ble,
		              strcmp(method, "StartNotify") == 0 ? bus : NULL, NULL);
	g_dbus_method_invocation_return_value(invocation, NULL);
}

static GVariant *
on_get(GDBusConnection *connection, const char *sender, const char *path, const char *iface,
       const char *property, GError **error, void *arg)
{
	(void)connection;
	(void)sender;
	for (size_t i = 0; i < PROPERTIES_COUNT; i++)
		if (strcmp(properties[i].path, path) == 0 &&
		    strcmp(properties[i].iface, iface) == 0 &&
		    strcmp(properties[i].name, property) == 0)
			return g_variant_ref_sink(value_of(arg, i));
	g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY, "no property %s", property);
	return NULL;
}

/* ---- registering ------------------------------------------------------------------------------- */

static void
answered(struct ble_bus *bus, GAsyncResult *result, const char *what)
{
	GError *error = NULL;
	GVariant *answer = g_dbus_connection_call_finish(bus->connection, result, &error);

	if (answer != NULL) {
		g_variant_unref(answer);
		return;
	}
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
	    g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED)) {
		g_error_free(error);
		return;
	}
	g_dbus_error_strip_remote_error(error);
	bus_trouble(bus, CSN_LOG_WARN, "%.30s: BlueZ does not take %s: %.80s", bus->ble->adapter,
	            what, error->message);
	g_error_free(error);
	bus->registered = false; /* again at the next look */
}

static void
on_application(GObject *source, GAsyncResult *result, void *arg)
{
	(void)source;
	answered(arg, result, "the service");
}

static void
on_advertisement(GObject *source, GAsyncResult *result, void *arg)
{
	(void)source;
	answered(arg, result, "the advertisement");
}

/* BlueZ calls back while it registers: so this must not wait for the answer. */
static void
enlist(struct ble_bus *bus, const char *iface, const char *method, const char *path,
       GAsyncReadyCallback done)
{
	GVariantBuilder none;

	g_variant_builder_init(&none, G_VARIANT_TYPE("a{sv}"));
	g_dbus_connection_call(bus->connection, BLUEZ, bus->adapter, iface, method,
	                       g_variant_new("(oa{sv})", path, &none), NULL, G_DBUS_CALL_FLAGS_NONE,
	                       -1, NULL, done, bus);
}

static bool
export_objects(struct ble_bus *bus)
{
	static const struct {
		const char *path, *iface;
	} objects[] = { { APP, MANAGER }, { SERVICE, I_SERVICE }, { WRITE, I_VALUE },
		        { NOTIFY, I_VALUE }, { ADVERT, I_ADVERT } };
	static const GDBusInterfaceVTable table = { on_call, on_get, NULL, { 0 } };
	GDBusNodeInfo *node = g_dbus_node_info_new_for_xml(interfaces, NULL);
	bool good = node != NULL;

	for (size_t i = 0; good && i < sizeof objects / sizeof objects[0]; i++) {
		bus->ids[i] = g_dbus_connection_register_object(
			bus->connection, objects[i].path,
			g_dbus_node_info_lookup_interface(node, objects[i].iface), &table, bus, NULL,
			NULL);
		good = bus->ids[i] != 0;
	}
	if (node != NULL)
		g_dbus_node_info_unref(node);
	return good;
}

static void
withdraw_objects(struct ble_bus *bus)
{
	for (size_t i = 0; i < sizeof bus->ids / sizeof bus->ids[0]; i++) {
		if (bus->ids[i] != 0)
			g_dbus_connection_unregister_object(bus->connection, bus->ids[i]);
		bus->ids[i] = 0;
	}
}

void
peripheral_tick(struct ble_bus *bus)
{
	if (bus->registered)
		return;
	withdraw_objects(bus);
	if (!export_objects(bus)) {
		bus_trouble(bus, CSN_LOG_ERROR, "the service cannot be put on the bus");
		return;
	}
	bus->registered = true;
	enlist(bus, I_GATT, "RegisterApplication", APP, on_application);
	enlist(bus, I_ADVERTISE, "RegisterAdvertisement", ADVERT, on_advertisement);
}

void
peripheral_notify(struct ble_bus *bus, GBytes *value)
{
	GVariantBuilder changed;
	gsize len;
	const void *bytes = g_bytes_get_data(value, &len);

	g_variant_builder_init(&changed, G_VARIANT_TYPE("a{sv}"));
	g_variant_builder_add(&changed, "{sv}", "Value",
	                      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, len, 1));
	g_dbus_connection_emit_signal(bus->connection, NULL, NOTIFY, PROPERTIES, "PropertiesChanged",
	                              g_variant_new("(sa{sv}as)", I_VALUE, &changed, NULL), NULL);
}

void
peripheral_stop(struct ble_bus *bus)
{
	/* BlueZ forgets both with the connection; what waits in it goes out first. */
	g_dbus_connection_flush_sync(bus->connection, NULL, NULL);
	withdraw_objects(bus);
}
