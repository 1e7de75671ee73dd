#include "lib/body.h"

#define U32  UINT32_MAX
#define BIG  SIZE_MAX
#define LEN(array) (sizeof(array) / sizeof *(array))

#define UINT(k, n, req, lo, hi) \
	{ .key = (k), .name = (n), .type = CSN_FIELD_UINT, .required = (req), .min = (lo), .max = (hi) }
#define CHOICE(k, n, req, lo, hi, list) \
	{ .key = (k), .name = (n), .type = CSN_FIELD_UINT, .required = (req), .min = (lo), .max = (hi), .choices = (list) }
#define BYTES(k, n, req, lo, hi) \
	{ .key = (k), .name = (n), .type = CSN_FIELD_BYTES, .required = (req), .min = (lo), .max = (hi) }
#define BYTES_LIST(k, n, req, lo, hi, count) \
	{ .key = (k), .name = (n), .type = CSN_FIELD_BYTES, .required = (req), .min = (lo), .max = (hi), .list_max = (count) }
#define SHORT(k, n, req) \
	{ .key = (k), .name = (n), .type = CSN_FIELD_TEXT, .required = (req), .min = 1, .max = 255 }
#define SHORT_LIST(k, n, count) \
	{ .key = (k), .name = (n), .type = CSN_FIELD_TEXT, .min = 1, .max = 255, .list_max = (count) }
#define MAP(k, n, req, m) \
	{ .key = (k), .name = (n), .type = CSN_FIELD_MAP, .required = (req), .map = &(m) }
#define MAP_LIST(k, n, m, count) \
	{ .key = (k), .name = (n), .type = CSN_FIELD_MAP, .map = &(m), .list_max = (count) }
#define OF(k, n, req, t) \
	{ .key = (k), .name = (n), .type = (t), .required = (req) }
#define SCHEMA(n) \
	static const struct csn_map_schema n = { n##_fields, LEN(n##_fields), #n, NULL }

static const struct csn_field device_fields[] = {
	BYTES(1, "id", 1, 16, 16),
	OF(2, "window", 1, CSN_FIELD_WINDOW),
	UINT(3, "key_lifetime_s", 0, 0, U32),
	BYTES(4, "manufacturer", 1, 32, 32),
};
SCHEMA(device);

static const struct csn_field session_fields[] = {
	BYTES(1, "id", 1, 16, 16),
	OF(2, "window", 1, CSN_FIELD_WINDOW),
	BYTES(3, "manufacturer", 1, 32, 32),
	OF(4, "checkpoint", 0, CSN_FIELD_CHECKPOINT),
	SHORT(5, "operator", 0),
};
SCHEMA(session);

/* Index by value; value 0 is not one of these. */
static const char *const key_types[] = { NULL, "symmetric", "ed25519-seed", "p256-scalar",
	                                 "pkcs8" };
static const struct csn_field cred_key_fields[] = {
	BYTES(1, "id", 1, 1, 32),
	CHOICE(2, "type", 1, 1, 4, key_types),
	BYTES(3, "value", 1, 16, 2048),
	SHORT(4, "usage", 0),
	UINT(5, "lifetime_s", 0, 0, U32),
};
SCHEMA(cred_key);

static const struct csn_field certificate_fields[] = {
	BYTES(1, "id", 1, 1, 32),
	BYTES_LIST(2, "chain", 1, 1, 2048, 3),
	BYTES(3, "key", 0, 1, 32),
};
SCHEMA(certificate);

static const char *const anchor_types[] = { NULL, "spki", "certificate" };
static const struct csn_field anchor_fields[] = {
	BYTES(1, "id", 1, 1, 32),
	CHOICE(2, "type", 1, 1, 2, anchor_types),
	BYTES(3, "value", 1, 1, 2048),
};
SCHEMA(anchor);

static const struct csn_field credentials_fields[] = {
	MAP_LIST(1, "keys", cred_key, 8),
	MAP_LIST(2, "certificates", certificate, 8),
	MAP_LIST(3, "anchors", anchor, 8),
	BYTES_LIST(4, "revoked_stations", 0, 16, 16, 64),
};
SCHEMA(credentials);

static const char *const wifi_auths[] = { "open", "wpa2-psk", "wpa3-sae", "eap-tls" };
static const struct csn_field wifi_fields[] = {
	BYTES(1, "ssid", 1, 1, 32),
	CHOICE(2, "auth", 1, 0, 3, wifi_auths),
	BYTES(3, "passphrase", 0, 8, 63),
	BYTES(4, "certificate", 0, 1, 32),
	OF(5, "hidden", 0, CSN_FIELD_BOOL),
	UINT(6, "priority", 0, 0, UINT8_MAX),
};

static const char *
wifi_rule(struct csn_bytes map)
{
	struct csn_bytes auth = csn_map_get(map, 2);
	uint8_t          kind = auth.len == 1 ? auth.ptr[0] : 0;

	if ((kind == 1 || kind == 2) && csn_map_get(map, 3).len == 0)
		return "needs a passphrase for this auth";
	if (kind == 3 && csn_map_get(map, 4).len == 0)
		return "needs a certificate for this auth";
	return NULL;
}

static const struct csn_map_schema wifi = { wifi_fields, LEN(wifi_fields), "wifi",
	                                    wifi_rule };

static const struct csn_field mqtt_fields[] = {
	SHORT(1, "host", 1),
	UINT(2, "port", 1, 1, 65535),
	SHORT(3, "client_id", 1),
	BYTES(4, "certificate", 0, 1, 32),
	BYTES(5, "anchor", 0, 1, 32),
	SHORT(6, "topic_prefix", 0),
	SHORT(7, "user", 0),
	BYTES(8, "password", 0, 1, 255),
};
SCHEMA(mqtt);

static const struct csn_field config_fields[] = {
	MAP_LIST(1, "wifi", wifi, 8),
	MAP_LIST(2, "mqtt", mqtt, 8),
	OF(3, "urls", 0, CSN_FIELD_URLS),
	OF(4, "app", 0, CSN_FIELD_APP),
};
SCHEMA(config);

static const struct csn_field firmware_fields[] = {
	BYTES(1, "manifest", 1, 0, BIG),
	BYTES(2, "attachment", 0, 1, 32),
};
SCHEMA(firmware);

static const struct csn_field security_fields[] = {
	SHORT_LIST(1, "cipher_modes", 8),
	UINT(2, "key_rotation_s", 0, 0, U32),
	UINT(3, "tls_min", 0, 0, UINT8_MAX),
};
SCHEMA(security);

static const struct csn_field access_fields[] = {
	SHORT_LIST(1, "roles", 16),
	SHORT_LIST(2, "zones", 16),
};
SCHEMA(access);

static const char *const audit_levels[] = { "none", "refusals", "decisions", "all" };
static const struct csn_field audit_fields[] = {
	CHOICE(1, "level", 0, 0, 3, audit_levels),
	SHORT_LIST(2, "export", 8),
};
SCHEMA(audit);

static const struct csn_field policies_fields[] = {
	MAP(1, "security", 0, security),
	MAP(2, "access", 0, access),
	MAP(3, "audit", 0, audit),
};
SCHEMA(policies);

static const struct csn_field attachment_fields[] = {
	BYTES(1, "id", 1, 1, 32),
	UINT(2, "length", 1, 1, U32),
	BYTES(3, "sha256", 1, 32, 32),
	OF(4, "key", 1, CSN_FIELD_ATTKEY),
	SHORT(5, "kind", 0),
};
const struct csn_map_schema csn_attachment_schema = {
	attachment_fields, LEN(attachment_fields), "attachment", NULL
};

static const struct csn_field body_fields[] = {
	MAP(1, "device", 1, device),
	MAP(2, "credentials", 0, credentials),
	MAP(3, "config", 0, config),
	MAP(4, "firmware", 0, firmware),
	MAP(5, "policies", 0, policies),
	MAP(6, "session", 1, session),
	MAP_LIST(7, "attachments", csn_attachment_schema, 8),
};
const struct csn_map_schema csn_body_schema = { body_fields, LEN(body_fields), "body",
	                                        NULL };

const struct csn_field *
csn_schema_find(const struct csn_map_schema *map, uint64_t key)
{
	for (size_t i = 0; i < map->len; i++)
		if (map->fields[i].key == key)
			return &map->fields[i];
	return NULL;
}

struct csn_bytes
csn_map_get(struct csn_bytes map, uint64_t key)
{
	struct csn_dcbor_in in;

	csn_dcbor_in_init(&in, map);
	size_t n = csn_dcbor_map(&in, 0, CSN_DCBOR_ITEMS_MAX);
	for (size_t i = 0; i < n && !in.bad; i++) {
		bool this_one = csn_dcbor_peek(&in) == CSN_DCBOR_UINT;
		if (this_one)
			this_one = csn_dcbor_uint(&in, UINT64_MAX) == key;
		else
			csn_dcbor_item(&in);
		struct csn_bytes value = csn_dcbor_item(&in);
		if (this_one && !in.bad)
			return value;
	}
	return CSN_BYTES_NONE;
}
