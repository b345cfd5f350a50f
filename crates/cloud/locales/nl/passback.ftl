# Nederlands.

language-name = Nederlands
product = Passback
language = Taal
help = Hulp
support-code = Hulpcode
support-code-hint = Noem deze code als u om hulp vraagt.
start-again = Opnieuw beginnen
try-again = Opnieuw proberen
look-again = Kijk opnieuw
page-title = { $title } – { $tenant }

start-title = Wachtwoord opnieuw instellen
start-lead = Wachtwoord vergeten? U bewijst wie u bent met een code die wij u sturen, en kiest een nieuw. Het werkt overal tegelijk.
start-name = Uw aanmeldnaam
start-name-hint = Zoals u die intypt als u zich aanmeldt, bijvoorbeeld anna.devries@example.org
start-next = Verder

unavailable-title = Op dit moment niet mogelijk

code-title = Vul de code in
code-lead = Als dit account hiervan gebruik kan maken, is een code van zes cijfers onderweg naar het privéadres dat uw organisatie kent. De code geldt { $minutes } minuten.
code-label = Code
code-hint = Zes cijfers. Kijk ook bij de ongewenste mail.
code-next = Verder
code-resend = Stuur een nieuwe code
code-resent = Als dit account hiervan gebruik kan maken, is er een nieuwe code onderweg. Eerdere codes gelden niet meer.
code-left = { $left ->
    [one] U kunt het nog één keer proberen.
   *[other] U kunt het nog { $left } keer proberen.
}
code-none = Geen code? Misschien kent uw organisatie geen privéadres van u, of een andere naam.

password-title = Kies een nieuw wachtwoord
password-lead = U hebt bewezen wie u bent. Kies een wachtwoord dat u nergens anders gebruikt.
password-new = Nieuw wachtwoord
password-again = Hetzelfde nog een keer
password-show = Laat zien wat ik typ
password-set = Dit wachtwoord instellen
password-rules = Wat uw organisatie vraagt
password-rule-length = { $minimum ->
    [one] Minstens één teken
   *[other] Minstens { $minimum } tekens
}
password-rule-complexity = Drie hiervan: hoofdletters, kleine letters, cijfers, leestekens, andere letters – en niet uw naam
password-rule-history = { $history ->
    [one] Niet uw huidige wachtwoord
   *[other] Geen van uw laatste { $history } wachtwoorden
}
password-rule-unknown = De regels van uw organisatie kunnen hier niet worden getoond. U hoort het als aan een ervan niet is voldaan.
password-rule-met = voldaan
password-rule-not-met = nog niet voldaan
password-needs-script = De velden voor uw nieuwe wachtwoord komen met het script van deze pagina, dat nog niet is aangekomen. Verschijnen ze niet, laad deze pagina dan opnieuw, of zet scripts uit: het werkt ook zonder.
password-sealed = Uw browser verzegelt het wachtwoord voordat het deze pagina verlaat. Alleen het eigen netwerk van uw organisatie kan het openen.
password-unsealed = Scripts staan uit in uw browser; daarom verzegelt deze dienst het wachtwoord voor u en vergeet het meteen.
password-working = Uw wachtwoord wordt in de directory van uw organisatie ingesteld…
password-differ = De twee wachtwoorden zijn niet gelijk.
password-empty = Vul een wachtwoord in.
password-too-long = Een wachtwoord heeft hoogstens 256 tekens.
password-not-well-formed = Het wachtwoord bevat een kapot teken. Typ het opnieuw.
password-failed-connection = Deze pagina kon de dienst niet bereiken. Voor zover deze pagina weet is er door deze poging niets veranderd. Controleer uw verbinding en laad de pagina dan opnieuw om te zien waar u bent.
password-ended = Wat u zojuist typte is niet ingesteld: uw wachtwoord is in dit bezoek al veranderd, en dat wachtwoord geldt. Wilt u toch een ander, begin dan opnieuw.

waiting-title = Uw wachtwoord wordt ingesteld
waiting-lead = Het netwerk van uw organisatie is ermee bezig. Deze pagina toont hoe het afloopt; meestal duurt het een paar tellen.
result-title-changed = Uw wachtwoord is gewijzigd
result-title-unlocked = Uw account is ontgrendeld
result-title-unchanged = Uw wachtwoord is niet gewijzigd
result-title-elsewhere = In dit bezoek is niets ingesteld
result-title-unknown = Wij gaan na of het is gelukt
result-tip = Op een laptop buiten kantoor: verbind de VPN, vergrendel het scherm en ontgrendel het met het nieuwe wachtwoord.
error-title = Dat is niet gelukt

not-found-title = Deze pagina bestaat niet
not-found-lead = Controleer het adres. Uw organisatie vertelt u waar haar eigen pagina is.
closing-title = Een ogenblik geduld
closing-lead = Deze dienst wordt opnieuw gestart en heeft niets aangenomen van wat u zojuist hebt verstuurd. Wacht een minuut en laad deze pagina opnieuw: u gaat verder waar u was.

mail-code-subject = Uw code
mail-code-body = Iemand, waarschijnlijk u, wil uw wachtwoord bij { $tenant } opnieuw instellen. Dit is de code:
mail-code-validity = De code geldt { $minutes } minuten en alleen in de browser waarin u erom vroeg.
mail-code-warning = Was u het niet, doe dan niets: zonder de code verandert er niets. Geef de code aan niemand, ook niet aan de helpdesk.
mail-changed-subject = Uw wachtwoord is gewijzigd
mail-changed-body = Uw wachtwoord bij { $tenant } is op { $when } opnieuw ingesteld.
mail-changed-warning = Was u dit niet, waarschuw dan meteen uw helpdesk.
mail-unchanged-subject = Uw wachtwoord is niet gewijzigd
mail-unchanged-body = Wij weten nu hoe het opnieuw instellen van uw wachtwoord bij { $tenant } is afgelopen: uw wachtwoord is niet gewijzigd. U kunt opnieuw beginnen.
mail-cannot-be-known-subject = Uw nieuwe wachtwoord
mail-cannot-be-known-body = Wij kunnen niet meer achterhalen hoe het opnieuw instellen van uw wachtwoord bij { $tenant } is afgelopen. Probeer het nieuwe wachtwoord, dan het oude. Werkt geen van beide, stel het dan opnieuw in.

# Waaruit berichten over uitkomsten bestaan. Elk zegt met precies deze woorden of het wachtwoord
# veranderd is; een test zoekt ernaar.
told-changed = Uw nieuwe wachtwoord werkt vanaf nu.
told-changed-other = Het nieuwe wachtwoord werkt vanaf nu.
told-changed-set = Uw nieuwe wachtwoord is ingesteld.
told-unchanged = Er is niets veranderd.
told-unchanged-request = Door deze is niets veranderd.
told-unchanged-step = Door deze stap is niets veranderd.
told-unchanged-password = Uw wachtwoord is niet veranderd.
told-unchanged-old = Uw oude wachtwoord werkt nog.
told-helpdesk = Vraag uw helpdesk om hulp.
told-department = Alleen uw IT-afdeling kan dit oplossen: meld het bij uw helpdesk.
told-setting = Een instelling bij uw organisatie houdt dit tegen.
told-moved = Uw account is in het netwerk van uw organisatie gewijzigd.
told-another = Kies een ander wachtwoord.

# Opnieuw instellen, wijzigen en ontgrendelen.
outcome-password_changed = { told-changed } Andere apparaten en apps vragen erom zodra ze weer verbinding maken.
outcome-changed_by_person = { told-changed } Andere apparaten en apps vragen erom zodra ze weer verbinding maken.
outcome-reset_by_administrator = { told-changed-other } Wie het krijgt, moet bij de volgende aanmelding een eigen wachtwoord kiezen.
outcome-reset_change_not_asked = { told-changed-other } De wachtwoorden van dit account verlopen nooit; daarom wordt bij het aanmelden niet om een ander gevraagd. Vraag de persoon om het te wijzigen.
outcome-must_change_not_set = { $inferred ->
    [yes] { told-changed-other } Eén ding kon niet worden bevestigd: of bij de volgende aanmelding om een ander wachtwoord wordt gevraagd. Vraag de persoon om het te wijzigen.
   *[no] { told-changed-other } Eén ding lukte niet: bij de volgende aanmelding wordt niet om een ander wachtwoord gevraagd. Vraag de persoon om het te wijzigen.
}
outcome-unlocked = Uw account is ontgrendeld. { told-unchanged-password } Meld u ermee aan zoals altijd.
outcome-not_locked = Uw account is niet vergrendeld. { told-unchanged-password } Wordt het niet geaccepteerd, stel het dan opnieuw in.
outcome-set_but_expired = { told-changed-set } Bij de volgende aanmelding moet u nog een ander kiezen; dat vragen de instellingen van uw organisatie.
outcome-cloud_not_yet = { told-changed } Clouddiensten volgen binnen enkele minuten; tot dan vragen ze misschien nog om het oude.
outcome-replicas_not_yet = { told-changed } Op sommige locaties van uw organisatie kan het tot 15 minuten duren.
outcome-unlock_not_allowed = Uw organisatie ontgrendelt hier geen accounts zonder nieuw wachtwoord. { told-unchanged } Stel uw wachtwoord opnieuw in: dat ontgrendelt ook uw account.
outcome-own_reset_refused = Op deze manier kunt u uw eigen wachtwoord niet opnieuw instellen. { told-unchanged } Wijzig het met uw huidige wachtwoord, of gebruik de pagina om het opnieuw in te stellen.
outcome-not_permitted = U mag dit voor die persoon niet doen. { told-unchanged } Vraag een beheerder die het wel mag.

# Te laat, dubbel, of onderbroken.
outcome-settled_changed = Dit was onderbroken. Wij hebben het nagegaan: het is wel gelukt. { told-changed }
outcome-settled_unchanged = Dit was onderbroken. Wij hebben het nagegaan: het is niet gelukt. { told-unchanged-password } U kunt het opnieuw proberen.
outcome-settled_elsewhere_changed = Dit was onderbroken. Wij hebben het nagegaan: het is wel gelukt. { told-changed }
outcome-settled_elsewhere_unchanged = Dit was onderbroken. Wij hebben het nagegaan: het is niet gelukt. { told-unchanged-password } U kunt het opnieuw proberen.
outcome-in_doubt = De verbinding met het netwerk van uw organisatie viel midden in het instellen weg. Wij weten daarom nog niet of uw nieuwe wachtwoord is ingesteld. Probeer het nog niet opnieuw: deze pagina, en een mail aan u, vertellen hoe het is afgelopen.
outcome-expired = Wij konden het netwerk van uw organisatie niet op tijd bereiken. { told-unchanged } { told-unchanged-old } U kunt het gerust opnieuw proberen.
outcome-already_in_flight = Een andere aanvraag voor dit account is nog niet of nog maar net afgelopen. { told-unchanged-request } Wacht even en probeer het opnieuw.
outcome-cannot_be_known = Wij kunnen niet meer nagaan of dit is doorgegaan. Probeer u aan te melden met het nieuwe wachtwoord, als u er een hebt gekozen, daarna met het oude. Werkt geen van beide, stel uw wachtwoord dan opnieuw in.
outcome-changed_elsewhere = Intussen is in een ander bezoek een wachtwoord voor u ingesteld, en dat geldt. { told-unchanged-step } Hebt u dat niet zelf gekozen, waarschuw dan meteen uw helpdesk.

# Het ingetypte wachtwoord.
outcome-password_malformed = Dat kan geen wachtwoord zijn: het is leeg, te lang, of bevat een kapot teken. { told-unchanged } { told-another }
outcome-wrong_old_password = Dat is niet uw huidige wachtwoord. { told-unchanged } Typ het opnieuw; weet u het niet meer, stel dan een nieuw wachtwoord in.
outcome-too_many_wrong_passwords = Het huidige wachtwoord is te vaak verkeerd getypt. { told-unchanged } Wacht een uur voordat u het opnieuw probeert; weet u het niet meer, stel dan een nieuw wachtwoord in.
outcome-policy_too_short = { $minimum ->
    [0] Dat wachtwoord is te kort voor uw organisatie. { told-unchanged } Kies een langer wachtwoord.
   *[other] Dat wachtwoord is te kort: uw organisatie vraagt minstens { $minimum } tekens. { told-unchanged } Kies een langer wachtwoord.
}
outcome-policy_not_complex = { $minimum ->
    [0] Uw organisatie vraagt drie soorten tekens uit hoofdletters, kleine letters, cijfers, leestekens en andere letters, en uw naam mag niet in het wachtwoord voorkomen. { told-unchanged } { told-another }
   *[other] Uw organisatie vraagt minstens { $minimum } tekens, van drie soorten uit hoofdletters, kleine letters, cijfers, leestekens en andere letters, en niet uw naam. { told-unchanged } { told-another }
}
outcome-policy_contains_name = { $minimum ->
    [0] In dat wachtwoord staat uw naam of een deel ervan, en dat staat uw organisatie niet toe. { told-unchanged } { told-another }
   *[other] In dat wachtwoord staat uw naam of een deel ervan, en het is korter dan de { $minimum } tekens die uw organisatie vraagt. { told-unchanged } { told-another }
}
outcome-policy_history = { $history ->
    [0] U hebt dat wachtwoord eerder gebruikt. { told-unchanged } { told-another }
    [one] Dat is uw huidige wachtwoord. { told-unchanged } { told-another }
   *[other] U hebt dat wachtwoord eerder gebruikt: uw organisatie onthoudt de laatste { $history }. { told-unchanged } { told-another }
}
outcome-policy_too_young = Uw wachtwoord is pas kort geleden gewijzigd, en uw organisatie wil dat u het een tijd houdt. { told-unchanged } U kunt het wijzigen vanaf { $when }. Weet u het niet meer, vraag dan uw helpdesk om hulp.
outcome-policy_other = { $dated ->
    [yes] Uw organisatie weigerde dat wachtwoord; misschien is uw wachtwoord te kort geleden gewijzigd. { told-unchanged } Kies een ander wachtwoord. Wordt ook dat geweigerd, probeer het dan opnieuw vanaf { $when }.
   *[no] { $history ->
        [0] Een regel van uw organisatie weigerde dat wachtwoord. { told-unchanged } Kies een ander wachtwoord, langer en minder gewoon.
        [one] Uw organisatie weigerde dat wachtwoord: óf het is uw huidige, óf een andere regel verbiedt het, misschien een die hier niet staat. { told-unchanged } Kies een ander wachtwoord, langer en minder gewoon.
       *[other] Uw organisatie weigerde dat wachtwoord: óf u hebt het eerder gebruikt (de laatste { $history } worden onthouden), óf een andere regel verbiedt het, misschien een die hier niet staat. { told-unchanged } Kies een nieuw wachtwoord, langer en minder gewoon.
    }
}
outcome-passwords_differ = De twee wachtwoorden zijn niet gelijk. { told-unchanged } Typ het wachtwoord twee keer.
outcome-password_banned = Dat wachtwoord is te makkelijk te raden: er staat een woord in van een lijst met veelgebruikte woorden. { told-unchanged } { told-another }
outcome-password_breached = Dat wachtwoord staat in een lijst met gestolen wachtwoorden; anderen zullen het dus proberen. { told-unchanged } Kies een ander wachtwoord, en wijzig dit overal waar u het gebruikt.

# Het account van de persoon.
outcome-user_not_found_no_object = { told-moved } { told-unchanged } { told-department }
outcome-user_not_found_not_joined = { told-moved } { told-unchanged } { told-department }
outcome-user_not_found_no_cloud_link = { told-moved } { told-unchanged } { told-department }
outcome-user_not_found_no_rule = { told-moved } { told-unchanged } { told-department }
outcome-user_gone = { told-moved } { told-unchanged } { told-department }
outcome-several_matches = { told-setting } { told-unchanged } { told-department }
outcome-protected = Wachtwoorden van beheerders kunnen hier niet opnieuw worden ingesteld. { told-unchanged } Gebruik de weg die uw IT-afdeling daarvoor heeft.
outcome-admin_count_left_behind = { told-setting } { told-unchanged } { told-department }
outcome-permission_missing = { told-setting } { told-unchanged } { told-department }
outcome-cannot_change = Uw account is zo ingesteld dat alleen uw IT-afdeling het wachtwoord kan wijzigen. { told-unchanged } Vraag uw helpdesk om het voor u in te stellen.
outcome-smart_card_only = U meldt zich aan met een smartcard; er is dus geen wachtwoord om in te stellen. { told-unchanged } Vraag uw helpdesk naar de kaart.
outcome-disabled = Dit account is uitgeschakeld. { told-unchanged } { told-helpdesk }
outcome-account_expired = Dit account is verlopen. { told-unchanged } { told-helpdesk }
outcome-locked_out = Dit account is vergrendeld na te veel verkeerde wachtwoorden. { told-unchanged } Ontgrendel het als deze pagina dat aanbiedt, of stel uw wachtwoord opnieuw in: dat ontgrendelt het ook.
outcome-password_expired = Uw wachtwoord is verlopen. { told-unchanged } Kies een nieuw wachtwoord om verder te gaan.
outcome-must_change = Uw organisatie vraagt om een nieuw wachtwoord voordat u verdergaat. { told-unchanged } Kies er een.
outcome-sign_in_not_now = Van uw organisatie mag u zich op dit tijdstip niet aanmelden. { told-unchanged } Probeer het opnieuw binnen uw werktijden, of vraag uw helpdesk om hulp.
outcome-sign_in_not_here = Van uw organisatie mag u zich alleen op bepaalde computers aanmelden. { told-unchanged } Meld u daar aan, of vraag uw helpdesk om hulp.

# De directory.
outcome-set_restricted = Een regel in het netwerk van uw organisatie stond dit niet toe. { told-unchanged } Misschien lukt het met een ander wachtwoord; zo niet, vraag dan uw helpdesk om hulp.
outcome-set_denied = { told-setting } { told-unchanged } { told-department }
outcome-directory_not_enabled = { told-setting } { told-unchanged } { told-department }
outcome-no_policy_control = { told-setting } { told-unchanged } { told-department }
outcome-directory_unknown = De directory van uw organisatie gaf een antwoord dat wij niet kennen. { told-unchanged } { told-department }
outcome-directory_configuration = { told-setting } { told-unchanged } { told-department }
outcome-service_account_refused = { told-setting } { told-unchanged } { told-department }
outcome-certificate_refused = { told-setting } { told-unchanged } { told-department }
outcome-not_encrypted = { told-setting } { told-unchanged } { told-department }
outcome-pdc_unreachable = Het deel van het netwerk van uw organisatie dat de wachtwoorden bewaart is niet bereikbaar. { told-unchanged } Probeer het over een paar minuten opnieuw; blijft het zo, vraag dan uw helpdesk om hulp.
outcome-directory_switched_off = Uw IT-afdeling heeft dit tijdelijk uitgezet. { told-unchanged } { told-helpdesk }

# Berichten tussen clouddienst en agent.
outcome-fault = Er ging bij ons iets mis. { told-unchanged } Probeer het opnieuw; blijft het zo, vraag dan uw helpdesk om hulp.
outcome-bad_input = Een tijdelijk probleem hield dit tegen. { told-unchanged } Probeer het opnieuw; blijft het zo, vraag dan uw helpdesk om hulp.
outcome-not_decryptable = Een tijdelijk probleem hield dit tegen. { told-unchanged } Probeer het over een paar minuten opnieuw; blijft het zo, vraag dan uw helpdesk om hulp.
outcome-cryptography_failed = Een tijdelijk probleem hield dit tegen. { told-unchanged } Probeer het over een paar minuten opnieuw; blijft het zo, vraag dan uw helpdesk om hulp.
outcome-breaker_open = Uw organisatie heeft het opnieuw instellen van wachtwoorden even stilgezet omdat het er ongewoon veel waren. { told-unchanged } { told-helpdesk }
outcome-clock_difference = De klokken van deze dienst en van het netwerk van uw organisatie verschillen te veel. { told-unchanged } { told-department }
outcome-agent_too_old = Het deel van deze dienst dat bij uw organisatie staat, moet eerst worden bijgewerkt. { told-unchanged } { told-department }

# Deze dienst is er niet voor u.
outcome-tenant_off = Uw organisatie heeft deze dienst niet aangezet. { told-unchanged } { told-helpdesk }
outcome-writeback_off = Wachtwoorden worden in het netwerk van uw organisatie bewaard en kunnen hier niet opnieuw worden ingesteld. { told-unchanged } { told-helpdesk }
outcome-no_policy = Uw organisatie is nog niet klaar met het inrichten van deze dienst. { told-unchanged } { told-helpdesk }
outcome-not_entitled = Deze dienst hoort niet bij uw account. { told-unchanged } { told-helpdesk }
outcome-not_in_enabled_group = Uw account is nog niet ingericht voor deze dienst. { told-unchanged } Vraag uw helpdesk om u toe te voegen.
outcome-too_few_methods = Uw organisatie kent te weinig manieren om na te gaan dat u het bent; misschien ontbreekt een privéadres voor codes. { told-unchanged } { told-helpdesk }
outcome-on_premises_administrator = Er moet eerst iets in het netwerk van uw organisatie worden opgelost. { told-unchanged } { told-department }
outcome-on_premises_unreachable = Het netwerk van uw organisatie is op dit moment niet bereikbaar. { told-unchanged } Probeer het later opnieuw; uw oude wachtwoord werkt nog als u het weet.

# Stappen van een bezoek.
outcome-code_wrong = Dat is niet de code. { told-unchanged }
outcome-code_expired = De code is verlopen. { told-unchanged } Vraag een nieuwe of begin opnieuw.
outcome-code_tries_spent = Alle pogingen voor deze code zijn op. { told-unchanged } Begin opnieuw.
outcome-throttled = Te veel pogingen. { told-unchanged } U kunt het weer proberen vanaf { $when }.
outcome-flow_expired = Dit bezoek is verlopen. { told-unchanged-step } Begin opnieuw.
outcome-flow_replaced = U bent in een ander tabblad opnieuw begonnen; deze pagina geldt niet meer. { told-unchanged-step } Ga daar verder, of begin opnieuw.
outcome-name_malformed = Vul uw aanmeldnaam in. { told-unchanged }
outcome-foreign_request = Deze aanvraag kwam niet van onze eigen pagina. { told-unchanged } Begin opnieuw.
outcome-bot_check_failed = Wij konden niet nagaan dat hier geen programma aan het werk is. { told-unchanged } Probeer het opnieuw.
outcome-answer_wrong = Dat is niet het antwoord dat wij kennen. { told-unchanged } Beantwoord de nieuwe vragen, of gebruik een andere manier.
outcome-contact_differs = Dat is niet het nummer of adres dat wij kennen. { told-unchanged } Typ het zoals u het hebt geregistreerd, of gebruik een andere manier.
outcome-cookies_blocked = Uw browser bewaarde de cookie niet die deze pagina nodig heeft. { told-unchanged } Sta cookies toe voor dit adres en begin opnieuw.
