# Manual pages of the contract, from its headers, and of each plugin, from its descriptor
# and its README.
header_manuals = sdk/man/csn_attest.3 sdk/man/csn_ceremony.3 sdk/man/csn_channel.3 \
	sdk/man/csn_format.3 sdk/man/csn_gate.3 sdk/man/csn_host.3 sdk/man/csn_keys.3 \
	sdk/man/csn_media.3 sdk/man/csn_plugin.3 sdk/man/csn_prompt.3 sdk/man/csn_store.3 \
	sdk/man/csn_types.3
nodist_man_MANS = $(header_manuals)
EXTRA_DIST += sdk/man/header.py sdk/man/plugin.py
CLEANFILES += $(header_manuals)
sdk/man/csn_%.3: sdk/include/countersign/%.h sdk/man/header.py
	$(AM_V_GEN)$(MKDIR_P) sdk/man && $(PYTHON3) $(top_srcdir)/sdk/man/header.py $< >$@.tmp && mv $@.tmp $@

# channel_qr.la gives countersign-channel-qr.7.
plugin_manuals = $(foreach la,$(plugin_LTLIBRARIES),sdk/man/countersign-$(subst _,-,$(basename $(notdir $(la)))).7)
pluginmandir = $(mandir)/man7
nodist_pluginman_DATA = $(plugin_manuals)
CLEANFILES += $(plugin_manuals) sdk/man/plugins.stamp
$(plugin_manuals): sdk/man/plugins.stamp
sdk/man/plugins.stamp: countersign$(EXEEXT) $(plugin_LTLIBRARIES) sdk/man/plugin.py
	$(AM_V_GEN)$(MKDIR_P) sdk/man && for la in $(plugin_LTLIBRARIES); do \
		dir=`dirname $$la`; name=`basename $$la .la`; \
		page=sdk/man/countersign-`echo $$name | tr _ -`.7; \
		chmod go-w $$dir/.libs $$dir/.libs/$$name.so && \
		./countersign$(EXEEXT) man $$dir/.libs/$$name.so >$$page.tmp && \
		$(PYTHON3) $(top_srcdir)/sdk/man/plugin.py $(top_srcdir)/$$dir/README.md <$$page.tmp >$$page && \
		rm $$page.tmp || exit 1; done && touch $@
