/* Every public struct in one library, so that abidiff can report on them. */
#include <countersign/attest.h>
#include <countersign/ceremony.h>
#include <countersign/channel.h>
#include <countersign/format.h>
#include <countersign/gate.h>
#include <countersign/host.h>
#include <countersign/keys.h>
#include <countersign/media.h>
#include <countersign/plugin.h>
#include <countersign/prompt.h>
#include <countersign/store.h>

CSN_EXPORT int csn_all(const struct csn_plugin *, const struct csn_component *, const struct csn_host *,
                       const struct csn_attest_ops *, const struct csn_ceremony_ops *,
                       const struct csn_session *, const struct csn_event *, const struct csn_begin *,
                       const struct csn_channel_ops *, const struct csn_channel_caps *,
                       const struct csn_frame *, const struct csn_format_ops *,
                       const struct csn_gate_ops *, const struct csn_keys_ops *,
                       const struct csn_media_ops *, const struct csn_media_caps *,
                       const struct csn_prompt_ops *, const struct csn_prompt *,
                       const struct csn_store_ops *, const struct csn_store_item *);

int
csn_all(const struct csn_plugin *a, const struct csn_component *b, const struct csn_host *c,
        const struct csn_attest_ops *d, const struct csn_ceremony_ops *e, const struct csn_session *f,
        const struct csn_event *g, const struct csn_begin *h, const struct csn_channel_ops *i,
        const struct csn_channel_caps *j, const struct csn_frame *k, const struct csn_format_ops *l,
        const struct csn_gate_ops *m, const struct csn_keys_ops *n, const struct csn_media_ops *o,
        const struct csn_media_caps *p, const struct csn_prompt_ops *q, const struct csn_prompt *r,
        const struct csn_store_ops *s, const struct csn_store_item *t)
{
	return a && b && c && d && e && f && g && h && i && j && k && l && m && n && o && p && q && r &&
	       s && t;
}
