# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
from . import crm_mail_mirror_directory
from . import hr_employee
from . import res_users
