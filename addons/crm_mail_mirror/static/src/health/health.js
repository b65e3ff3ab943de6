// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, markRaw, onWillStart, onWillUnmount, useEffect, useRef, useState } from "@odoo/owl";
import { loadBundle } from "@web/core/assets";
import { cookie } from "@web/core/browser/cookie";
import { getColor, hexToRGBA } from "@web/core/colors/colors";
import { _t } from "@web/core/l10n/translation";
import { deserializeDate, formatDate } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatFloat } from "@web/core/utils/numbers";
import { formatInteger } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Layout } from "@web/search/layout";

const MODEL = "crm.mail.mirror.report.mail";
const ACTION = "crm_mail_mirror.crm_mail_mirror_";
/** Of the bars of states: seen on white and on black. */
const TONE_COLORS = {
    success: "#2f9e57",
    info: "#3f97dd",
    warning: "#e0a021",
    danger: "#dc3545",
};
/** Which colour a status has, as Bootstrap calls it. */
const TONES = {
    healthy: "success",
    importing: "info",
    linked: "info",
    invited: "info",
    begun: "warning",
    quiet: "warning",
    needs_login: "warning",
    failing: "danger",
};

/** Seconds as people say them: "45 s", "2 min", "6 h", "3 days". */
export function inWords(seconds) {
    if (seconds === null || seconds === false || seconds === undefined) {
        return "–";
    }
    if (seconds < 120) {
        return _t("%s s", formatTenth(seconds));
    }
    if (seconds < 7200) {
        return _t("%s min", formatTenth(seconds / 60));
    }
    if (seconds < 172800) {
        return _t("%s h", formatTenth(seconds / 3600));
    }
    return _t("%s days", formatTenth(seconds / 86400));
}

function formatTenth(number) {
    return formatFloat(number, { digits: [16, 1], trailingZeros: false });
}

/** A chart.js chart, with the same numbers as a table for who does not see it. */
class Chart extends Component {
    static template = "crm_mail_mirror.HealthChart";
    static props = {
        label: String,
        days: Array,
        lines: Array,
        config: Object,
        write: Function,
    };

    setup() {
        this.canvas = useRef("canvas");
        useEffect(
            () => {
                this.draw();
                return () => this.chart?.destroy();
            },
            () => [this.props.config]
        );
    }

    draw() {
        this.chart = new window.Chart(this.canvas.el, this.props.config);
    }
}

/** How all mailboxes fare, in pictures: numbers alone, never what is in a mailbox. */
export class Health extends Component {
    static template = "crm_mail_mirror.Health";
    static components = { Chart, Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ span: 30, told: null, broken: false });
        this.display = { controlPanel: {} };
        this.spans = [
            [7, _t("7 days")],
            [30, _t("30 days")],
            [90, _t("90 days")],
            [365, _t("a year")],
        ];
        onWillStart(async () => {
            await Promise.all([loadBundle("web.chartjs_lib"), this.load(30)]);
        });
        onWillUnmount(() => {
            this.gone = true;
        });
    }

    async load(span) {
        this.asked = span;
        const told = await this.orm.call(MODEL, "get_health", [], { span });
        if (this.gone || this.asked !== span) {
            return;
        }
        // chart.js writes into what it is given: no matter of the component's
        Object.assign(this.state, { span, told, charts: markRaw(this.charts(told)) });
    }

    number(count) {
        return formatInteger(count);
    }

    tone(state) {
        return state.count && TONES[state.status] ? `text-${TONES[state.status]}` : "";
    }

    get mailsLately() {
        const { mails } = this.state.told.lately;
        return mails === 1
            ? _t("One mail in this time")
            : _t("%s mails in this time", formatInteger(mails));
    }

    get delayLately() {
        const { median, slowest } = this.state.told.lately;
        return _t("Half within %(half)s, 95 % within %(most)s", {
            half: inWords(median),
            most: inWords(slowest),
        });
    }

    get failuresLately() {
        const { failures } = this.state.told.lately;
        if (!failures) {
            return _t("No check failed in this time");
        }
        return failures === 1
            ? _t("One failed check in this time")
            : _t("%s failed checks in this time", formatInteger(failures));
    }

    get people() {
        return this.state.told.states.reduce((sum, state) => sum + state.count, 0);
    }

    // --- charts ---------------------------------------------------------------------

    charts(told) {
        const days = told.days.map((day) => deserializeDate(day));
        const labels = days.map((day) => day.toLocaleString({ day: "numeric", month: "short" }));
        const titles = days.map((day) => formatDate(day));
        const kinds = told.failures.length;
        return {
            mails: this.chart(_t("Mails mirrored per day"), "bar", titles, labels, String, [
                { label: _t("Mails mirrored"), data: told.mails, color: this.color(0) },
            ]),
            delay: this.chart(_t("From arrival to mirror, per day"), "line", titles, labels, inWords, [
                { label: _t("Half is here within"), data: told.median, color: this.color(2) },
                { label: _t("95 % is here within"), data: told.slowest, color: this.color(3) },
            ]),
            failures: this.chart(
                _t("Failed checks per day, by kind"),
                "bar",
                titles,
                labels,
                String,
                told.failures.map((each, index) => ({
                    label: each.label,
                    data: each.counts,
                    color: this.color(index + 1, kinds),
                }))
            ),
            states: this.bars(told.states),
        };
    }

    /** Colours of words and lines, as the page has them: light or dark. */
    inks() {
        const ink = getComputedStyle(document.body).color;
        const [red, green, blue] = ink.match(/[\d.]+/g);
        return { ink, lines: `rgba(${red}, ${green}, ${blue}, 0.12)` };
    }

    color(index, count = 6) {
        return getColor(index, cookie.get("color_scheme"), Math.max(count, 6));
    }

    /** The states, each in its colour, with a line of its own. */
    bars(states) {
        const labels = states.map((state) => state.label);
        const sets = [
            {
                label: _t("Users and mailboxes"),
                data: states.map((state) => state.count),
                color: states.map((state) => TONE_COLORS[TONES[state.status]] || "#8f959e"),
            },
        ];
        const title = _t("Users and mailboxes by state");
        const told = this.chart(title, "bar", labels, labels, String, sets);
        const { options } = told.config;
        const { x, y } = options.scales;
        const { ink, lines } = this.inks();
        options.indexAxis = "y";
        options.interaction = { mode: "index", axis: "y", intersect: false };
        options.scales = {
            x: { ...y, grid: { color: lines } },
            y: { ...x, ticks: { color: ink, autoSkip: false } },
        };
        options.onClick = (_event, [hit]) => hit && this.openStatus(states[hit.index].status);
        return told;
    }

    /** What chart.js takes, and the same numbers in lines for a table. */
    chart(label, type, titles, labels, write, sets) {
        const { ink, lines } = this.inks();
        const datasets = sets.map(({ label, data, color }) => ({
            label,
            data,
            backgroundColor: type === "line" ? hexToRGBA(color, 0.15) : color,
            borderColor: color,
            borderWidth: type === "line" ? 2 : 0,
            pointRadius: data.length > 40 ? 0 : 2,
            spanGaps: true,
            tension: 0.2,
        }));
        const options = {
            responsive: true,
            maintainAspectRatio: false,
            animation: false,
            plugins: {
                legend: {
                    display: sets.length > 1,
                    position: "bottom",
                    labels: { color: ink, boxWidth: 12 },
                },
                tooltip: {
                    callbacks: {
                        title: (items) => titles[items[0].dataIndex],
                        label: (item) => `${item.dataset.label}: ${write(item.raw)}`,
                    },
                },
            },
        };
        const ticks = { color: ink };
        options.interaction = { mode: "index", intersect: false };
        options.scales = {
            x: {
                stacked: type === "bar",
                grid: { display: false },
                ticks: { ...ticks, maxTicksLimit: 8, maxRotation: 0 },
            },
            y: {
                stacked: type === "bar",
                beginAtZero: true,
                grid: { color: lines },
                ticks: { ...ticks, precision: 0, maxTicksLimit: 6, callback: (n) => write(n) },
            },
        };
        return {
            label,
            config: { type, data: { labels, datasets }, options },
            days: titles,
            lines: sets.map(({ label, data }) => ({ label, data })),
            write,
        };
    }

    // --- doors ----------------------------------------------------------------------

    openStatus(status) {
        return this.action.doAction(`${ACTION}adoption_action`, {
            additionalContext: { [`search_default_${status === "begun" ? "linked" : status}`]: 1 },
        });
    }

    open(name) {
        return this.action.doAction(`${ACTION}${name}`);
    }
}

registry.category("actions").add("crm_mail_mirror.health", Health);
