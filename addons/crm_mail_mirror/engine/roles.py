# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does an address belong to a function instead of a person?"""

from __future__ import annotations

import re
from functools import lru_cache

#: Names of functions, without separators and digits at the end. Only what nobody is
#: called: no first names, no words that are surnames too (chef, page, bishop, ...).
_FUNCTIONS = frozenset(
    # machines and mail itself
    """
    abuse alarm alarms alert alerts announce announcements autoconfirm automated
    automation autoreply bounce bounces bugs bulletins daemon devnull digest dns docs
    donotreply error errors fbl feedbackloop ftp hostmaster jira junk keineantwort list
    listmanager listserv localhost login mail mailbox maildaemon mailer mailerdaemon
    mailing mailman majordomo monitor monitoring nepasrepondre nereply nichtantworten
    nienteantwoorden nobody noc noemail none nonrispondere noreply noresponder
    noresponse nospam notificaciones notification notifications notify null outage phish
    phishing postmaster reminder reminders robot root server service services smtp spam
    status subscribe sysadmin syslog system systemmessage systems unsubscribe usenet
    uucp webadmin webmaster wordpress www wwwdata
    chatter crm listproc listrequest nic nntp noreplay postfix prod
    production signup signups staging sysop undisclosedrecipients
    """.split()
    # first contact
    + """
    accueil algemeen anfrage anfragen ask biuro bonjour ciao contact contactenos
    contacto contactos contactus contato contatti contatto correo courrier email empfang
    enq enquire enquires enquiries enquiry faleconosco general geral hallo hello hi hola
    inbox info infor informacion informacoes informatie information informazioni infos
    inquiries inquiry kontakt mailroom moreinfo office oficina post postbox poststelle
    question questions recepcion receptie reception request rezeption ricezione sac
    secretaria secretariaat secretariat secretary segreteria sekretariat welcome
    zentrale
    """.split()
    # customers
    + """
    assistance assistencia assistenza atencionalcliente atendimento care chat client
    clientcare cliente clientes clienti clients clientservices complaint complaints
    customer customercare customerfeedback customers customerservice customerservices
    customersuccess customersupport custserv faq feedback help helpdesk hilfe itsupport
    klantenservice kundendienst kundenservice kundeservice memberservices membersuccess
    nps reclamaciones reclamations reklamation requests response sav servicealaclientele
    serviceclient serviceclients servicedesk servicioalcliente servizioclienti soporte
    success suggestions suporte support supportteam survey surveys tech technical
    technik techsupport ticket tickets
    """.split()
    # selling and publishing
    + """
    aanbod ads advertise advertising adwords affiliate affiliates agency agents angebot
    bestellung bestellungen bizdev branding business businessdevelopment campaign
    campaigns comercial commande commandes commercial commerciale commerciali
    communication communications community compras comunicacao comunicacion
    comunicazione content deals devis digital dispatch ecommerce editor editorial
    editors einkauf enews export fundraising growth imprensa inkoop insidesales
    investorrelations investors kommunikation leads licensing marketing marketingteam
    marketplace media membership merchants mkt mktg newbiz newbusiness news newsletter
    newsletters oferta offers offerte offres order orders ordini outreach partner
    partners partnership partnerships pedidos ppc pr prensa presales press presse
    procurement promo promos promotion promotions publicidad publicidade publicite
    publisher publishers publishing purchase purchases purchasing quotes redacao
    redaccion redaction redaktion redazione referrals reklama retail sale sales salesops
    salesteam seo shop shopping social socialmedia sponsorship stampa store subscription
    subscriptions trade update updates vendas vendite ventas vente ventes verkauf
    verkoop vertrieb webshop wholesale
    acquisition adops advertisingsales ambassadors brandsolutions
    corporatesales creative eletters franchise growthteam informativo infopremium
    jornalismo letters listingupdates salesengineers salesforce
    """.split()
    # money and law
    + """
    account accounting accountmanagement accounts accountspayable accountsreceivable
    administracao administracion administratie administration administrativo
    amministrazione billing bills boekhouding buchhaltung cobranca cobranzas compliance
    compta comptabilite contabil contabilidad contabilidade contabilita contracts
    copyright creditors datenschutz debiteuren donations dpo facturacion facturatie
    facturation factures fatturazione faturamento finance financeiro financien finanzas
    finanzen fiscal gdpr impuestos insurance invoice invoices invoicing juridico
    juridique legal pay payable payment payments payroll privacy protocollo receipts
    receivable rechnung rechnungen rechnungseingang tax tesoreria treasury verwaltung
    zahlung
    """.split()
    # inside the company
    + """
    adm admin administrador administrateur administrator administrators admins
    admissions all alle allstaff allusers alumni application applications appointments
    archive archives bestuur bewerbung bewerbungen board booking bookings calendar
    candidature candidatures career careers catering committee conference corporate
    delivery design developer developers devops direccion directie direction direktion
    direzione domain domainmanagement domains education emploi employment engineering
    equipe equipo event events everyone expedition facilities fax frontdesk
    geschaeftsleitung gestion hiring hosting hr humanresources informatica informatique
    infra intern internal internship invitations invites it ithelp job jobs karriere
    logistica logistics logistiek logistik maintenance management meeting meetings
    members network onboarding operaciones operations ops owners people
    personalabteilung personeel planning prenotazioni press production products projects
    qualitaet quality recruit recruiter recruiting recruitment recrutement
    recursoshumanos registrar registration report reporting reports research reserva
    reservaciones reservas reservation reservations reserveringen reservierung rh
    risorseumane rrhh rsvp sales schedule school security shipping sicurezza sistemas
    site staff stage stats studio submissions team training transport travel trustees
    accountant accountmanager accountmanagers allemployees allhands backoffice
    capacitacion compliance contractors customerservicecenter employees engineers
    enquiriesdesk everybody execs executives faculty frontoffice gerencia headoffice
    helpcenter hq hrdept implementation infrastructure integrations interns investor
    investorservices ir leadership managers mgmt offboarding officeadmin officemanager
    peopleops productmanagers projectmanagers qa receptionist recruiters shareholders
    supervisors supply suprimentos talent timesheets todos vendors webdesign webdev
    abbonamenti abmeldung abonnement abonnements achat achats acquisti adhesion
    affretement afspraak afspraken almacen angebote anmeldung atelier atencion
    auftragsabwicklung ausbildung aussendienst auftrag auftraege ayuda beschwerde
    beschwerden bestelling bestellingen betriebsrat biglietteria billetterie boutique
    calidad citas cobros crediteuren depannage dispo disponent disponenten disposition
    einsatzplanung envios expediciones expeditie exploitation exportacion factura
    facturas facture facturen factuur fattura fatture fuhrpark garantie
    geschaeftsfuehrung hausverwaltung incidencia incidencias informations inkasso
    innendienst kanzlei klachten lagerverwaltung ledenadministratie livraison
    livraisons logistique magasin magazijn magazzino mahnung mahnwesen mairie
    officina onderhoud pedido personeelszaken praxis preventivi preventivo produzione
    proveedores qualita qualite rdv recouvrement reclami reclamacion reclamation
    reklamationen relationclient renseignements reparatur reservierungen retour
    retoure retouren servicecommercial servicetechnique sinistre sinistres spedition
    spedizioni technischedienst termin termine terminvereinbarung tienda
    trafico transporte transportes ufficio ufficioacquisti ufficiovendite
    veranstaltungen verhuur verzending voorraad warenausgang wareneingang werkplaats
    werkstatt zentrallager
    users vacatures versand voicemail volunteer volunteers vorstand warehouse web
    webinar webinars website webteam whois workshop
    """.split()
)
#: In what machines write from, these stand at either end.
_SILENT = ("noreply", "donotreply", "mailerdaemon", "nepasrepondre", "notification")
#: What is put around the name of a function: ``salesteam``, ``itdept``, ``hr-office``.
_GROUPS = ("team", "group", "dept", "department", "office", "desk", "service", "all")
_SEPARATORS = re.compile(r"[._-]+")


@lru_cache(maxsize=4096)
def is_role_address(email: str) -> bool:
    """``info@``, ``no-reply@``, ``support+fr@``, ``sales2@``, ``alerts-noreply@``, ...

    >>> is_role_address("No.Reply+42@example.com")
    True
    >>> is_role_address("marketing-ops@example.com")
    True
    >>> is_role_address("anna.sales@example.com")
    False
    """
    local = email.rpartition("@")[0].lower().partition("+")[0]
    words = _SEPARATORS.split(local)
    name = "".join(words).rstrip("0123456789")
    return (
        _is_function(name)
        or name.startswith(_SILENT)
        or name.endswith(_SILENT)
        or (len(words) > 1 and all(map(_is_function, filter(None, words))))
    )


def _is_function(name: str) -> bool:
    if name in _FUNCTIONS:
        return True
    bare = name
    for group in _GROUPS:
        bare = bare.removesuffix(group) or bare
        bare = bare.removeprefix(group) or bare
    return bare != name and bare in _FUNCTIONS
