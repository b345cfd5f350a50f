# English. Copy this file to another folder of `locales` to add a language.
# A message about an outcome says what happened, whether the password changed, and what to do.

language-name = English
product = Passback
language = Language
help = Help
support-code = Support code
support-code-hint = Mention this code when you ask for help.
start-again = Start again
try-again = Try again
look-again = Look again
page-title = { $title } – { $tenant }

start-title = Reset your password
start-lead = Forgot your password? You prove who you are with a code that we send you, and choose a new one. It works everywhere at once.
start-name = Your sign-in name
start-name-hint = As you type it when you sign in, for example anna.devries@example.org
start-next = Continue

unavailable-title = Not possible at the moment

code-title = Enter the code
code-lead = If this account can use self-service, a code of six digits is on its way to the private address that your organisation knows. It counts for { $minutes } minutes.
code-label = Code
code-hint = Six digits. Look in the spam folder too.
code-next = Continue
code-resend = Send another code
code-resent = If this account can use self-service, another code is on its way. Earlier codes no longer count.
code-left = { $left ->
    [one] One try is left.
   *[other] { $left } tries are left.
}
code-none = No code? Perhaps your organisation knows no private address of yours, or another name.

password-title = Choose a new password
password-lead = You have proved who you are. Choose a password that you do not use anywhere else.
password-new = New password
password-again = The same once more
password-show = Show what I type
password-set = Set this password
password-rules = What your organisation asks for
password-rule-length = { $minimum ->
    [one] At least one character
   *[other] At least { $minimum } characters
}
password-rule-complexity = Three of these: upper case, lower case, digits, symbols, other letters – and not your name
password-rule-history = { $history ->
    [one] Not your present password
   *[other] None of your last { $history } passwords
}
password-rule-unknown = Your organisation's rules cannot be shown here. You are told if one is not met.
password-rule-met = met
password-rule-not-met = not met yet
password-needs-script = The fields for your new password come with this page's script, which has not arrived yet. If they do not appear, reload this page, or switch scripting off: it works without, too.
password-sealed = Your browser seals the password before it leaves this page. Only your organisation's own network can open it.
password-unsealed = Scripting is off in your browser, so this service seals the password for you and forgets it at once.
password-working = Setting your password in your organisation's directory…
password-differ = The two entries are not the same.
password-empty = Enter a password.
password-too-long = A password has at most 256 characters.
password-not-well-formed = The password contains a broken character. Type it again.
password-failed-connection = This page could not reach the service. Nothing was changed by this try as far as this page knows. Check your connection; then reload this page to see where you stand.
password-ended = What you typed just now was not set: your password was already changed in this visit, and that one counts. To choose yet another one, start again.

waiting-title = Setting your password
waiting-lead = Your organisation's network is working on it. This page shows how it ends; it usually takes a few seconds.
result-title-changed = Your password is changed
result-title-unlocked = Your account is unlocked
result-title-unchanged = Your password was not changed
result-title-elsewhere = Nothing was set in this visit
result-title-unknown = We are checking whether it went through
result-tip = On a laptop outside the office: connect the VPN, lock the screen, and unlock it with the new password.
error-title = That did not work

not-found-title = There is no such page
not-found-lead = Check the address. Your organisation tells you where its own page is.
closing-title = One moment, please
closing-lead = This service is being restarted, and took nothing of what you just sent. Wait a minute and load this page again: you go on where you were.

mail-code-subject = Your code
mail-code-body = Somebody, probably you, wants to reset your password at { $tenant }. This is the code:
mail-code-validity = It counts for { $minutes } minutes and only in the browser in which you asked for it.
mail-code-warning = If it was not you, do nothing: nothing changes without the code. Never give it to anybody, not to the helpdesk either.
mail-changed-subject = Your password was changed
mail-changed-body = Your password at { $tenant } was reset at { $when }.
mail-changed-warning = If this was not you, contact your helpdesk at once.
mail-unchanged-subject = Your password was not changed
mail-unchanged-body = We now know how your password reset at { $tenant } ended: your password was not changed. You can start again.
mail-cannot-be-known-subject = Your password reset
mail-cannot-be-known-body = We cannot find out any more how your password reset at { $tenant } ended. Try the new password, then the old one. If neither works, reset it again.

# What messages about outcomes are made of. Each says by exactly these words whether the password
# changed; a test looks for them.
told-changed = Your new password works from now on.
told-changed-other = The new password works from now on.
told-changed-set = Your new password is set.
told-unchanged = Nothing was changed.
told-unchanged-request = Nothing was changed by this one.
told-unchanged-step = Nothing was changed by this step.
told-unchanged-password = Your password is unchanged.
told-unchanged-old = Your old password still works.
told-helpdesk = Ask your helpdesk.
told-department = Only your IT department can put this right: tell your helpdesk.
told-setting = A setting on your organisation's side stops this.
told-moved = Your account has changed in your organisation's network.
told-another = Choose another one.

# Resets, changes and unlocks.
outcome-password_changed = { told-changed } Other devices and apps ask for it when they next connect.
outcome-changed_by_person = { told-changed } Other devices and apps ask for it when they next connect.
outcome-reset_by_administrator = { told-changed-other } Whoever it is for must choose one of their own when they next sign in.
outcome-reset_change_not_asked = { told-changed-other } This account's passwords never expire, so nobody is asked to choose another one. Ask the person to change it.
outcome-must_change_not_set = { $inferred ->
    [yes] { told-changed-other } One thing could not be confirmed: whether the person is asked to choose another one when they next sign in. Ask them to change it.
   *[no] { told-changed-other } One thing did not succeed: the person is not asked to choose another one when they next sign in. Ask them to change it.
}
outcome-unlocked = Your account is unlocked. { told-unchanged-password } Sign in with it as before.
outcome-not_locked = Your account is not locked. { told-unchanged-password } If it is not accepted, reset it.
outcome-set_but_expired = { told-changed-set } You must choose yet another one when you next sign in; your organisation's settings ask for that.
outcome-cloud_not_yet = { told-changed } Cloud services follow in a few minutes; until then they may still ask for the old one.
outcome-replicas_not_yet = { told-changed } At some of your organisation's sites it may take up to 15 minutes.
outcome-unlock_not_allowed = Your organisation does not unlock accounts here without a new password. { told-unchanged } Reset your password: that unlocks your account, too.
outcome-own_reset_refused = You cannot reset your own password in this way. { told-unchanged } Change it with your present password, or use the reset page.
outcome-not_permitted = You are not allowed to do this for that person. { told-unchanged } Ask an administrator who is.

# Late, twice, or cut off in the middle.
outcome-settled_changed = This had been interrupted. We have checked: it did go through. { told-changed }
outcome-settled_unchanged = This had been interrupted. We have checked: it did not go through. { told-unchanged-password } You can try again.
outcome-settled_elsewhere_changed = This had been interrupted. We have checked: it did go through. { told-changed }
outcome-settled_elsewhere_unchanged = This had been interrupted. We have checked: it did not go through. { told-unchanged-password } You can try again.
outcome-in_doubt = The connection to your organisation's network was lost in the middle, so we do not know yet whether your new password was set. Do not try again yet: this page, and a mail to you, say how it ended.
outcome-expired = We could not reach your organisation's network in time. { told-unchanged } { told-unchanged-old } You can safely try again.
outcome-already_in_flight = Another request for this account has not ended, or has only just. { told-unchanged-request } Wait a moment, then try again.
outcome-cannot_be_known = We can no longer find out whether this went through. Try to sign in with the new password, if you chose one, then with the old one. If neither works, reset your password again.
outcome-changed_elsewhere = Meanwhile a password was set for you in another visit, and that one counts. { told-unchanged-step } If it was not you who chose it, tell your helpdesk at once.

# The password that was typed.
outcome-password_malformed = That cannot be a password: it is empty, too long, or contains a broken character. { told-unchanged } { told-another }
outcome-wrong_old_password = That is not your present password. { told-unchanged } Type it again; if you no longer know it, reset your password.
outcome-too_many_wrong_passwords = The present password was typed wrong too often. { told-unchanged } Wait an hour before you try again; if you no longer know it, reset your password.
outcome-policy_too_short = { $minimum ->
    [0] That password is too short for your organisation. { told-unchanged } Choose a longer one.
   *[other] That password is too short: your organisation asks for at least { $minimum } characters. { told-unchanged } Choose a longer one.
}
outcome-policy_not_complex = { $minimum ->
    [0] Your organisation asks for three kinds of characters out of upper case, lower case, digits, symbols and other letters, and your name must not be in the password. { told-unchanged } { told-another }
   *[other] Your organisation asks for at least { $minimum } characters, of three kinds of characters out of upper case, lower case, digits, symbols and other letters, and not your name. { told-unchanged } { told-another }
}
outcome-policy_contains_name = { $minimum ->
    [0] That password contains your name or a part of it, which your organisation does not allow. { told-unchanged } { told-another }
   *[other] That password contains your name or a part of it, and is shorter than the { $minimum } characters that your organisation asks for. { told-unchanged } { told-another }
}
outcome-policy_history = { $history ->
    [0] You have used that password before. { told-unchanged } { told-another }
    [one] That is your present password. { told-unchanged } { told-another }
   *[other] You have used that password before: your organisation remembers the last { $history }. { told-unchanged } { told-another }
}
outcome-policy_too_young = Your password was changed only recently, and your organisation asks you to keep it for a while. { told-unchanged } You can change it from { $when }. If you no longer know it, ask your helpdesk.
outcome-policy_other = { $dated ->
    [yes] Your organisation refused that password; perhaps yours was changed too recently. { told-unchanged } Choose another one. If that is refused, too, try again from { $when }.
   *[no] { $history ->
        [0] A rule of your organisation refused that password. { told-unchanged } Choose another one, longer and less ordinary.
        [one] Your organisation refused that password: either it is your present one, or another rule is against it, perhaps one that is not shown here. { told-unchanged } Choose another one, longer and less ordinary.
       *[other] Your organisation refused that password: either you have used it before (the last { $history } are remembered), or another rule is against it, perhaps one that is not shown here. { told-unchanged } Choose a new one, longer and less ordinary.
    }
}
outcome-passwords_differ = The two entries are not the same. { told-unchanged } Type the password twice.
outcome-password_banned = That password is too easy to guess: it contains a word that is on a list of common ones. { told-unchanged } { told-another }
outcome-password_breached = That password is in a list of stolen ones, so others will try it. { told-unchanged } Choose another one, and change it wherever else you use it.

# The person's account.
outcome-user_not_found_no_object = { told-moved } { told-unchanged } { told-department }
outcome-user_not_found_not_joined = { told-moved } { told-unchanged } { told-department }
outcome-user_not_found_no_cloud_link = { told-moved } { told-unchanged } { told-department }
outcome-user_not_found_no_rule = { told-moved } { told-unchanged } { told-department }
outcome-user_gone = { told-moved } { told-unchanged } { told-department }
outcome-several_matches = { told-setting } { told-unchanged } { told-department }
outcome-protected = Privileged accounts cannot be reset here. { told-unchanged } Use the way that your IT department has for them.
outcome-admin_count_left_behind = { told-setting } { told-unchanged } { told-department }
outcome-permission_missing = { told-setting } { told-unchanged } { told-department }
outcome-cannot_change = Your account is set so that only your IT department can change its password. { told-unchanged } Ask your helpdesk to set it for you.
outcome-smart_card_only = You sign in with a smart card, so there is no password to set. { told-unchanged } Ask your helpdesk about the card.
outcome-disabled = This account is switched off. { told-unchanged } { told-helpdesk }
outcome-account_expired = This account has expired. { told-unchanged } { told-helpdesk }
outcome-locked_out = This account is locked after too many wrong passwords. { told-unchanged } Unlock it if this page offers that, or reset your password: that unlocks it, too.
outcome-password_expired = Your password has expired. { told-unchanged } Choose a new one to go on.
outcome-must_change = Your organisation asks for a new password before you go on. { told-unchanged } Choose one.
outcome-sign_in_not_now = Your organisation does not let you sign in at this time of day. { told-unchanged } Try again in your working hours, or ask your helpdesk.
outcome-sign_in_not_here = Your organisation lets you sign in at chosen computers only. { told-unchanged } Sign in at one of those, or ask your helpdesk.

# The directory.
outcome-set_restricted = A rule in your organisation's network did not allow this. { told-unchanged } Another password may be accepted; if it is not, ask your helpdesk.
outcome-set_denied = { told-setting } { told-unchanged } { told-department }
outcome-directory_not_enabled = { told-setting } { told-unchanged } { told-department }
outcome-no_policy_control = { told-setting } { told-unchanged } { told-department }
outcome-directory_unknown = Your organisation's directory gave an answer that we do not know. { told-unchanged } { told-department }
outcome-directory_configuration = { told-setting } { told-unchanged } { told-department }
outcome-service_account_refused = { told-setting } { told-unchanged } { told-department }
outcome-certificate_refused = { told-setting } { told-unchanged } { told-department }
outcome-not_encrypted = { told-setting } { told-unchanged } { told-department }
outcome-pdc_unreachable = The part of your organisation's network that keeps the passwords cannot be reached. { told-unchanged } Try again in a few minutes; if it stays so, ask your helpdesk.
outcome-directory_switched_off = Your IT department has switched this off for a while. { told-unchanged } { told-helpdesk }

# Messages between cloud service and agent.
outcome-fault = Something went wrong on our side. { told-unchanged } Try again; if it stays, ask your helpdesk.
outcome-bad_input = A temporary problem stopped this. { told-unchanged } Try again; if it stays, ask your helpdesk.
outcome-not_decryptable = A temporary problem stopped this. { told-unchanged } Try again in a few minutes; if it stays, ask your helpdesk.
outcome-cryptography_failed = A temporary problem stopped this. { told-unchanged } Try again in a few minutes; if it stays, ask your helpdesk.
outcome-breaker_open = Your organisation has paused password resets because there were unusually many. { told-unchanged } { told-helpdesk }
outcome-clock_difference = The clocks of this service and of your organisation's network differ too much. { told-unchanged } { told-department }
outcome-agent_too_old = Your organisation's part of this service must be updated first. { told-unchanged } { told-department }

# Self-service is not there.
outcome-tenant_off = Your organisation has not switched this service on. { told-unchanged } { told-helpdesk }
outcome-writeback_off = Passwords are kept in your organisation's network and cannot be reset here. { told-unchanged } { told-helpdesk }
outcome-no_policy = Your organisation has not finished setting this service up. { told-unchanged } { told-helpdesk }
outcome-not_entitled = Your account does not include this service. { told-unchanged } { told-helpdesk }
outcome-not_in_enabled_group = Your account is not set up for this service yet. { told-unchanged } Ask your helpdesk to add you.
outcome-too_few_methods = Your organisation knows too few ways to make sure that it is you; a private address for codes may be missing. { told-unchanged } { told-helpdesk }
outcome-on_premises_administrator = Something in your organisation's network must be put right first. { told-unchanged } { told-department }
outcome-on_premises_unreachable = Your organisation's network cannot be reached at the moment. { told-unchanged } Try again later; your old password still works if you know it.

# Steps of a visit.
outcome-code_wrong = That is not the code. { told-unchanged }
outcome-code_expired = The code has expired. { told-unchanged } Ask for another one or start again.
outcome-code_tries_spent = All tries for this code are spent. { told-unchanged } Start again.
outcome-throttled = Too many tries. { told-unchanged } You can try again from { $when }.
outcome-flow_expired = This visit has expired. { told-unchanged-step } Start again.
outcome-flow_replaced = You started again in another tab, so this page no longer counts. { told-unchanged-step } Go on there, or start again.
outcome-name_malformed = Enter your sign-in name. { told-unchanged }
outcome-foreign_request = This request did not come from our own page. { told-unchanged } Start again.
outcome-bot_check_failed = We could not make sure that no program is at work here. { told-unchanged } Try again.
outcome-answer_wrong = That is not the answer that we know. { told-unchanged } Answer the new questions, or use another way.
outcome-contact_differs = That is not the number or address that we know. { told-unchanged } Type it as you registered it, or use another way.
outcome-cookies_blocked = Your browser did not keep the cookie that this page needs. { told-unchanged } Allow cookies for this address, then start again.
