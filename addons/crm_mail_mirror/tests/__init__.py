# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
from . import test_adoption
from . import test_chart
from . import test_contacts
from . import test_erasure_certificate
from . import test_forgetting
from . import test_linking
from . import test_organisation
from . import test_told
from . import test_tour
from . import test_why
