# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who of ``people`` becomes which record? Company, users, contacts, opportunities."""

from .people import (
    COMPANY,
    CONTACTS,
    CUSTOMER,
    CUSTOMERS,
    DOMAIN,
    LEADS,
    SALESPEOPLE,
    SPARE,
)


def load(env):
    """Create company, users, contacts and leads; what is there already stays.

    :param env: an Odoo environment of the superuser
    :return: ``{key of a salesperson: user}``
    """
    company = env.ref("base.main_company")
    company.write({"name": COMPANY, "email": f"info@{DOMAIN}"})
    company.partner_id.website = f"https://www.{DOMAIN}"
    env.ref("base.user_admin").email = SPARE
    users = _load_users(env)
    partners = _load_partners(env, users)
    _load_leads(env, users, partners)
    return users


def _load_users(env):
    group = env.ref("sales_team.group_sale_salesman")
    model = env["res.users"].with_context(no_reset_password=True)
    users = {}
    for person in SALESPEOPLE:  # managers stand before those below them
        user = model.search([("login", "=", person.key)])
        if not user:
            manager = users.get(person.manager)
            user = model.create(
                {
                    "name": person.name,
                    "login": person.key,
                    "password": person.password,
                    "email": person.email,
                    "group_ids": [(4, group.id)],
                    "tz": "Asia/Tokyo" if person.zone == 9 else "Europe/Berlin",
                    "notification_type": "inbox",
                    "odoobot_state": "disabled",  # its chat would cover a phone
                    "mirror_visibility": person.level,
                    "mirror_manager_id": manager.id if manager else False,
                }
            )
            user.partner_id.function = person.function
        users[person.key] = user
    return users


def _load_partners(env, users):
    partners = {}
    for customer in CUSTOMERS:
        company = env["res.partner"].search(
            [("name", "=", customer.name), ("is_company", "=", True)], limit=1
        )
        country = env["res.country"].search([("code", "=", customer.country)])
        partners[customer.key] = company or env["res.partner"].create(
            {
                "name": customer.name,
                "is_company": True,
                "city": customer.city,
                "country_id": country.id,
                "website": f"https://www.{customer.domain}",
                "user_id": users[customer.salesperson].id,
            }
        )
    for person in CONTACTS:
        contact = env["res.partner"].search([("email", "=", person.email)], limit=1)
        partners[person.key] = contact or env["res.partner"].create(
            {
                "name": person.name,
                "email": person.email,
                "function": person.function,
                "parent_id": partners[person.company].id,
                "user_id": users[CUSTOMER[person.company].salesperson].id,
            }
        )
    return partners


def _load_leads(env, users, partners):
    for lead in LEADS:
        if env["crm.lead"].search_count([("name", "=", lead.name)]):
            continue
        values = {
            "name": lead.name,
            "type": "opportunity",
            "user_id": users[lead.salesperson].id,
            "expected_revenue": lead.revenue,
        }
        if lead.contact:
            values["partner_id"] = partners[lead.contact].id
        else:
            values["email_from"] = lead.email
            values["contact_name"] = lead.email_name
        made = env["crm.lead"].create(values)
        env.flush_all()
        env.cr.execute(
            """UPDATE crm_lead SET create_date = create_date - %s * interval '1 day'
                WHERE id = %s""",
            [lead.days_ago, made.id],
        )
