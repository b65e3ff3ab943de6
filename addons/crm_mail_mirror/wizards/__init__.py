# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
from . import base_partner_merge
from . import crm_mail_mirror_disconnect
from . import crm_mail_mirror_dry_run
from . import crm_mail_mirror_dry_run_contact
from . import crm_mail_mirror_dry_run_sentences
from . import crm_mail_mirror_former_address
from . import crm_mail_mirror_rule_removal
from . import crm_mail_mirror_look_back
from . import crm_mail_mirror_why
from . import crm_mail_mirror_why_line
from . import crm_mail_mirror_erase
from . import privacy_lookup
from . import crm_mail_mirror_retain
from . import crm_mail_mirror_leaver
