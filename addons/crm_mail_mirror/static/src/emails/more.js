// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { _t } from "@web/core/l10n/translation";

/** The end of a list of which only the beginning is shown. */
export function moreWords(count) {
    return count === 1 ? _t("and one more") : _t("and %s more", count);
}
