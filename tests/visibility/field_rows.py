"""Which field may be read by whom, of the records that one may read at all?

The rows stand apart from the test so that they can be read: each field that the addons
define, on their models and on others'. What of a record its owner alone is told, though
others read the row, is in test_access_matrix.py (``OWNERS``, ``HEALTH``).
"""

#: Portal and public users too, each of their own user; there it is empty.
ANYBODY = "anybody"
INTERNAL = "internal users"
ADMINISTRATORS = "administrators of the addon"
ACCESS_RIGHTS = "who manages access rights"
SYSTEM = "who changes settings"
SALES = "who works with leads"
NOBODY = "nobody, over no way"

# fmt: off
FIELDS = {
    "crm.lead": {
        SALES: "mirror_message_ids mirror_search_progress",
    },
    "crm.mail.mirror.address": {
        NOBODY: "domain email_normalized partner_ids",
    },
    "crm.mail.mirror.adoption": {
        ADMINISTRATORS: """
            address code company_id failing_since invited_at kind last_change_at
            last_sync_at mailbox_id name next_sync_at progress provider status
            told user_id
        """,
    },
    "crm.mail.mirror.audit": {
        INTERNAL: """
            asked_at begun_at changed ended_at gone kind mailbox_id missing result
            seen state unread why
        """,
        NOBODY: "compared_until dropped judged",
    },
    "crm.mail.mirror.body": {
        NOBODY: "attachment_count attachments digest message_id quote_at text",
    },
    "crm.mail.mirror.change": {
        INTERNAL: "back ended_at may_undo progress removed state title user_id",
        NOBODY: """
            added_count among at_copy at_mailbox back_of former_count mailbox_ids
            narrows progress_done progress_total relist removed_of requeue
            rule_ids terms undo
        """,
    },
    "crm.mail.mirror.client": {
        NOBODY: "audience client_id enabled key_id provider secret",
    },
    "crm.mail.mirror.copy": {
        INTERNAL: """
            attempts direction expires_at folder_names hidden_at mailbox_id
            message_id next_try_at reason reason_label reason_sentence received_at
            sharing state user_id
        """,
        NOBODY: "body_id date identity_hash key orphan_pass orphan_place removal_id",
    },
    "crm.mail.mirror.credential": {
        NOBODY: "key_id mailbox_id new_secret secret seq",
    },
    "crm.mail.mirror.day": {
        INTERNAL: """
            count day expired mailbox_id reason reason_label reason_sentence state
        """,
    },
    "crm.mail.mirror.disconnect": {
        INTERNAL: "mailbox_id mirror provider",
    },
    "crm.mail.mirror.dry.run": {
        INTERNAL: """
            bound_sentence contact_ids email error error_sentence kept_out
            mailbox_id mirrored_count progress seen_count sentence shared_sentence
            since state total_count unlisted unticked viewer_ids
            viewer_names
        """,
        NOBODY: "begun_at cursor found reasons seq",
    },
    "crm.mail.mirror.dry.run.contact": {
        INTERNAL: "email keep mails name run_id",
    },
    "crm.mail.mirror.erase": {
        ADMINISTRATORS: "addresses is_counted told",
        NOBODY: "found_of sealed",
    },
    "crm.mail.mirror.erasure": {
        ADMINISTRATORS: """
            asked_at asked_by ended_at lifted_at lifted_by mails masked progress
            state summary user_id
        """,
        NOBODY: "at_mailbox counts digests found_of removed_of sealed",
    },
    "crm.mail.mirror.exclusion": {
        INTERNAL: """
            company_id effect guessed_kind kind note preview refusal user_id value
        """,
        NOBODY: "change_id",
    },
    "crm.mail.mirror.folder": {
        INTERNAL: "mailbox_id name parent_ref remote_ref role selected",
    },
    "crm.mail.mirror.former.address": {
        INTERNAL: "email_normalized partner_id",
    },
    "crm.mail.mirror.grant": {
        INTERNAL: """
            about asked_at asker_id can_answer can_give_up can_take_back
            changed_at days note owner_id period standing state until what
        """,
        NOBODY: "address_ids is_given_up message_id partner_id slot thread_key",
    },
    "crm.mail.mirror.leaver": {
        ADMINISTRATORS: "action mailbox_ids on successor_id",
    },
    "crm.mail.mirror.listing": {
        NOBODY: "counted mailbox_id places",
    },
    "crm.mail.mirror.location": {
        INTERNAL: "copy_id folder_id generation ref",
    },
    "crm.mail.mirror.look.back": {
        INTERNAL: "look_back mailbox_id preview removes sync_from",
    },
    "crm.mail.mirror.mailbox": {
        INTERNAL: """
            aliases audit_ids brake company_id company_rule_count company_rule_ids
            compared contact_companies contact_confirm contact_mode
            dismissed_count email email_normalized failed_count failing_since
            failure_count folders_sentence going_sentence imap_host imap_login
            imap_port imap_preset imap_security is_going is_just_linked is_mine
            is_readable
            last_change_at last_error last_error_sentence last_sync_at
            leaver_action leaver_on leaver_sentence ledger left_at link_sentence
            look_back may_stop mirrored_count mirrored_told mode mode_preview
            my_rule_ids
            next_sync_at password password_help password_page progress
            progress_done progress_total proof provider rule_change_ids
            rules_sentence seen_count seen_told sharing_in sharing_out
            sharing_preview since_sentence state state_color
            state_sentence successor_id suggestion_count suggestions_pending
            sync_from tally_ids user_id viewers
        """,
        NOBODY: """
            account_id cursor cursor_seq former_rules imported_at lease_token
            lease_until link_outcome listing listing_mark pass_no people_from
            policy_seq
        """,
    },
    "crm.mail.mirror.message": {
        INTERNAL: """
            access attachment_names blind_copy body carbon_copy date direction
            first_line has_attachment is_mine matched_by_domain not_shared
            owner_ids partner_ids people preview recipient_names recipients sender
            sender_name subject words
        """,
        NOBODY: """
            copy_ids identity internet_message_id participant_ids same_key
            subject_raw thread_key
        """,
    },
    "crm.mail.mirror.outbox": {
        NOBODY: "copies email_normalized settled",
    },
    "crm.mail.mirror.participant": {
        NOBODY: "address_id copy_id date message_id name role",
    },
    "crm.mail.mirror.pulse": {
        NOBODY: "code company_id count day mailbox_id provider seconds",
    },
    "crm.mail.mirror.removal": {
        INTERNAL: """
            accounts can_undo outcome received_at removed_at subject undo_until
            undone_at user_id
        """,
        NOBODY: "sealed",
    },
    "crm.mail.mirror.report.failure": {
        ADMINISTRATORS: "company_id count day kind provider",
    },
    "crm.mail.mirror.report.mail": {
        ADMINISTRATORS: "company_id count day median provider seconds slowest",
    },
    "crm.mail.mirror.retain": {
        ADMINISTRATORS: """
            company_id consequences lost_months preview previewed retention_months
        """,
    },
    "crm.mail.mirror.retention": {
        ADMINISTRATORS: "begun_at company_id ended_at is_running",
        NOBODY: "at_address",
    },
    "crm.mail.mirror.rule.removal": {
        INTERNAL: "names preview rule_ids",
    },
    "crm.mail.mirror.search": {
        NOBODY: """
            again asked_at done done_at kind leader_id mailbox_id places reason
            term total tries
        """,
    },
    "crm.mail.mirror.server": {
        NOBODY: "mailbox name pause quiet_until room",
    },
    "crm.mail.mirror.sharing": {
        NOBODY: "digest kind user_id value",
    },
    "crm.mail.mirror.suggestion": {
        INTERNAL: """
            company_name email_normalized mail_count mailbox_id name newest_at
            parent_id seen_at state user_id why
        """,
        NOBODY: "digest",
    },
    "crm.mail.mirror.suppression": {
        NOBODY: "account before company_id created_at digest kind origin",
    },
    "crm.mail.mirror.tab": {
        NOBODY: "mirror_message_ids mirror_search_progress",
    },
    "crm.mail.mirror.tally": {
        INTERNAL: "count mailbox_id reason reason_label reason_sentence state",
    },
    "crm.mail.mirror.trace": {
        NOBODY: "copy_id digest kind",
    },
    "crm.mail.mirror.traffic": {
        INTERNAL: "company_id date direction mail mailbox_id provider user_id",
    },
    "crm.mail.mirror.why": {
        INTERNAL: "is_asked is_searched line_ids mailbox_id pasted",
        NOBODY: "sealed",
    },
    "crm.mail.mirror.why.line": {
        INTERNAL: "detail headline mend outcome remedy steps verdict why_id",
        NOBODY: "sealed",
    },
    "res.company": {
        INTERNAL: """
            mirror_leaver_action mirror_leaver_days mirror_lost_months
            mirror_match_domains mirror_retention_months mirror_retention_sentence
            mirror_sharing_in mirror_sharing_out
        """,
    },
    "res.config.settings": {
        SYSTEM: """
            mirror_address_warning mirror_allowed_hosts
            mirror_domains_preview mirror_google_client_id
            mirror_google_enabled mirror_google_redirect_uri mirror_google_secret
            mirror_google_secret_kept mirror_leaver_action mirror_leaver_days
            mirror_match_domains mirror_microsoft_audience
            mirror_microsoft_client_id mirror_microsoft_enabled
            mirror_microsoft_redirect_uri mirror_microsoft_secret
            mirror_microsoft_secret_kept mirror_microsoft_tenant
            mirror_retention_sentence mirror_sharing_in mirror_sharing_out
        """,
        NOBODY: "mirror_google_token mirror_microsoft_token",
    },
    "res.partner": {
        INTERNAL: """
            mirror_former_addresses mirror_message_ids mirror_search_progress
        """,
    },
    "res.users": {
        ANYBODY: """
            mirror_asked_of_me mirror_mailbox_ids mirror_offers
            mirror_waits_for_me
        """,
        ADMINISTRATORS: "mirror_invited_at",
        ACCESS_RIGHTS: """
            mirror_above_id mirror_below_ids mirror_loop mirror_manager_id
            mirror_sees mirror_sight mirror_sight_change mirror_visibility
        """,
        NOBODY: "mirror_declined mirror_handed_over mirror_inviter_id",
    },
}
#: What the second addon adds.
FIELDS_WITH_EMPLOYEES = {
    "res.users": {
        ACCESS_RIGHTS: "mirror_is_employee mirror_manager_names",
    },
}
# fmt: on
