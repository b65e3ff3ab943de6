"""What ``make`` uses to get Odoo, PostgreSQL and the rest running on a bare machine."""
