# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
from . import crm_mail_mirror_mailbox
from . import crm_mail_mirror_mailbox_sync
from . import crm_mail_mirror_credential
from . import crm_mail_mirror_folder
from . import crm_mail_mirror_copy
from . import crm_mail_mirror_location
from . import crm_mail_mirror_trace
from . import crm_mail_mirror_message
from . import crm_mail_mirror_body
from . import crm_mail_mirror_participant
from . import crm_mail_mirror_address
from . import crm_mail_mirror_exclusion
from . import crm_mail_mirror_day
from . import crm_mail_mirror_outbox
from . import crm_mail_mirror_directory
from . import crm_mail_mirror_page_mail
from . import crm_mail_mirror_page_gone
from . import crm_mail_mirror_page
from . import crm_mail_mirror_sync
from . import crm_mail_mirror_tab
from . import crm_lead
from . import res_company
from . import res_config_settings
from . import res_partner
from . import res_users
