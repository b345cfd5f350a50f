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
result-title-unchanged = Uw wachtwoord is niet gewijzigd
result-title-unknown = Wij gaan na of het is gelukt
result-tip = Op een laptop buiten kantoor: verbind de VPN, vergrendel het scherm en ontgrendel het met het nieuwe wachtwoord.
error-title = Dat is niet gelukt

not-found-title = Deze pagina bestaat niet
not-found-lead = Controleer het adres. Uw organisatie vertelt u waar haar eigen pagina is.

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

outcome-password_changed = Uw nieuwe wachtwoord werkt vanaf nu. Andere apparaten en apps vragen erom zodra ze weer verbinding maken.
outcome-settled_changed = Het instellen was onderbroken. Wij hebben het nagegaan: het is wel gelukt, uw nieuwe wachtwoord werkt.
outcome-settled_unchanged = Het instellen was onderbroken. Wij hebben het nagegaan: het is niet gelukt, uw oude wachtwoord werkt nog. U kunt het opnieuw proberen.
outcome-in_doubt = De verbinding met het netwerk van uw organisatie viel midden in het instellen weg. Wij weten daarom nog niet of uw nieuwe wachtwoord is ingesteld. Probeer het nog niet opnieuw: deze pagina, en een mail aan u, vertellen hoe het is afgelopen.
outcome-expired = Wij konden het netwerk van uw organisatie niet op tijd bereiken. Er is niets veranderd en uw oude wachtwoord werkt nog. U kunt het gerust opnieuw proberen.
outcome-already_in_flight = Een andere aanvraag voor dit account is nog niet afgelopen. Door deze is niets veranderd. Wacht even en probeer het opnieuw.
outcome-cannot_be_known = Wij kunnen niet meer nagaan of uw wachtwoord is veranderd. Probeer in te loggen met het nieuwe, daarna met het oude. Werkt geen van beide, stel uw wachtwoord dan opnieuw in.
outcome-policy_too_short = { $minimum ->
    [0] Dat wachtwoord is te kort voor uw organisatie. Er is niets veranderd. Kies een langer wachtwoord.
   *[other] Dat wachtwoord is te kort: uw organisatie vraagt minstens { $minimum } tekens. Er is niets veranderd. Kies een langer wachtwoord.
}
outcome-policy_not_complex = Uw organisatie vraagt drie soorten tekens uit hoofdletters, kleine letters, cijfers, leestekens en andere letters, en uw naam mag niet in het wachtwoord voorkomen. Er is niets veranderd. Kies een ander wachtwoord.
outcome-policy_history = { $history ->
    [0] U hebt dat wachtwoord eerder gebruikt. Er is niets veranderd. Kies een ander wachtwoord.
    [one] Dat is uw huidige wachtwoord. Er is niets veranderd. Kies een ander wachtwoord.
   *[other] U hebt dat wachtwoord eerder gebruikt: uw organisatie onthoudt de laatste { $history }. Er is niets veranderd. Kies een ander wachtwoord.
}
outcome-policy_too_young = Uw wachtwoord is pas kort geleden gewijzigd, en uw organisatie wil dat u het een tijd houdt. Er is niets veranderd. U kunt het wijzigen vanaf { $when }. Weet u het niet meer, vraag het dan uw helpdesk.
outcome-policy_other = Een regel van uw organisatie weigerde dat wachtwoord. Er is niets veranderd. Kies een ander, langer en minder gewoon.
outcome-user_not_found_no_object = Uw account is in het netwerk van uw organisatie gewijzigd. Er is niets veranderd aan uw wachtwoord. Uw IT-afdeling moet ernaar kijken.
outcome-user_not_found_not_joined = Uw account is in het netwerk van uw organisatie gewijzigd. Er is niets veranderd aan uw wachtwoord. Uw IT-afdeling moet ernaar kijken.
outcome-user_not_found_no_cloud_link = Uw account is in het netwerk van uw organisatie gewijzigd. Er is niets veranderd aan uw wachtwoord. Uw IT-afdeling moet ernaar kijken.
outcome-user_not_found_no_rule = Uw account is in het netwerk van uw organisatie gewijzigd. Er is niets veranderd aan uw wachtwoord. Uw IT-afdeling moet ernaar kijken.
outcome-user_gone = Uw account is in het netwerk van uw organisatie gewijzigd. Er is niets veranderd aan uw wachtwoord. Uw IT-afdeling moet ernaar kijken.
outcome-several_matches = Een instelling bij uw organisatie houdt dit tegen. Er is niets veranderd. Uw IT-afdeling moet ernaar kijken.
outcome-protected = Wachtwoorden van beheerders kunnen hier niet opnieuw worden ingesteld. Er is niets veranderd. Gebruik de weg die uw IT-afdeling daarvoor heeft.
outcome-admin_count_left_behind = Een instelling bij uw organisatie houdt dit tegen. Er is niets veranderd. Uw IT-afdeling moet ernaar kijken.
outcome-permission_missing = Een instelling bij uw organisatie houdt dit tegen. Er is niets veranderd. Uw IT-afdeling moet ernaar kijken.
outcome-cannot_change = Uw account is zo ingesteld dat alleen uw IT-afdeling het wachtwoord kan wijzigen. Er is niets veranderd. Vraag uw helpdesk om het voor u in te stellen.
outcome-disabled = Dit account is uitgeschakeld. Er is niets veranderd. Vraag uw helpdesk.
outcome-account_expired = Dit account is verlopen. Er is niets veranderd. Vraag uw helpdesk.
outcome-smart_card_only = U meldt zich aan met een smartcard; er is dus geen wachtwoord om in te stellen. Er is niets veranderd. Vraag uw helpdesk naar de kaart.
outcome-directory_configuration = Een instelling bij uw organisatie houdt dit tegen. Er is niets veranderd. Uw IT-afdeling moet ernaar kijken.
outcome-directory_unknown = De directory van uw organisatie gaf een antwoord dat wij niet kennen. Er is niets veranderd. Uw IT-afdeling moet ernaar kijken.
outcome-no_policy_control = Een instelling bij uw organisatie houdt dit tegen. Er is niets veranderd. Uw IT-afdeling moet ernaar kijken.
outcome-pdc_unreachable = Het deel van het netwerk van uw organisatie dat de wachtwoorden bewaart is niet bereikbaar. Er is niets veranderd. Probeer het later opnieuw.
outcome-breaker_open = Uw organisatie heeft het opnieuw instellen van wachtwoorden even stilgezet omdat het er ongewoon veel waren. Er is niets veranderd. Vraag uw helpdesk.
outcome-clock_difference = De klokken van deze dienst en van het netwerk van uw organisatie verschillen te veel. Er is niets veranderd. Uw IT-afdeling moet ernaar kijken.
outcome-not_decryptable = Een tijdelijk probleem hield dit tegen. Er is niets veranderd. Uw IT-afdeling moet ernaar kijken.
outcome-bad_input = Een tijdelijk probleem hield dit tegen. Er is niets veranderd. Probeer het opnieuw; blijft het zo, vraag dan uw helpdesk.
outcome-password_malformed = Dat kan geen wachtwoord zijn: het is leeg, te lang, of bevat een kapot teken. Er is niets veranderd. Kies een ander wachtwoord.
outcome-fault = Er ging bij ons iets mis. Er is niets veranderd. Probeer het opnieuw; blijft het zo, vraag dan uw helpdesk.
outcome-on_premises_unreachable = Het netwerk van uw organisatie is op dit moment niet bereikbaar. Er is niets veranderd. Probeer het later opnieuw; uw oude wachtwoord werkt nog als u het weet.
outcome-writeback_off = Wachtwoorden worden in het netwerk van uw organisatie bewaard en kunnen hier niet opnieuw worden ingesteld. Er is niets veranderd. Vraag uw helpdesk.
outcome-too_few_methods = Uw organisatie kent geen adres waar een code naartoe kan. Er is niets veranderd. Vraag uw helpdesk.
outcome-code_wrong = Dat is niet de code. Er is niets veranderd.
outcome-code_expired = De code is verlopen. Er is niets veranderd. Vraag een nieuwe of begin opnieuw.
outcome-code_tries_spent = Alle pogingen voor deze code zijn op. Er is niets veranderd. Begin opnieuw.
outcome-throttled = Te veel pogingen. Er is niets veranderd. U kunt het weer proberen vanaf { $when }.
outcome-flow_expired = Dit bezoek is verlopen. Door deze stap is niets veranderd. Begin opnieuw.
outcome-flow_replaced = U bent in een ander tabblad opnieuw begonnen; deze pagina geldt niet meer. Door deze stap is niets veranderd. Ga daar verder, of begin opnieuw.
outcome-passwords_differ = De twee wachtwoorden zijn niet gelijk. Er is niets veranderd. Typ het wachtwoord twee keer.
outcome-name_malformed = Vul uw aanmeldnaam in. Er is niets veranderd.
outcome-foreign_request = Deze aanvraag kwam niet van onze eigen pagina. Er is niets veranderd. Begin opnieuw.
