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
result-title-unchanged = Your password was not changed
result-title-unknown = We are checking whether it went through
result-tip = On a laptop outside the office: connect the VPN, lock the screen, and unlock it with the new password.
error-title = That did not work

not-found-title = There is no such page
not-found-lead = Check the address. Your organisation tells you where its own page is.

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

outcome-password_changed = Your new password works from now on. Other devices and apps ask for it when they next connect.
outcome-settled_changed = Your reset had been interrupted. We have checked: it did go through, and your new password works.
outcome-settled_unchanged = Your reset had been interrupted. We have checked: it did not go through, and your old password still works. You can try again.
outcome-in_doubt = The connection to your organisation's network was lost in the middle, so we do not know yet whether your new password was set. Do not try again yet: this page, and a mail to you, say how it ended.
outcome-expired = We could not reach your organisation's network in time. Nothing was changed and your old password still works. You can safely try again.
outcome-already_in_flight = Another reset for this account has not ended. Nothing was changed by this one. Wait a moment, then try again.
outcome-cannot_be_known = We can no longer find out whether your password was changed. Try to sign in with the new one, then with the old one. If neither works, reset your password again.
outcome-policy_too_short = { $minimum ->
    [0] That password is too short for your organisation. Nothing was changed. Choose a longer one.
   *[other] That password is too short: your organisation asks for at least { $minimum } characters. Nothing was changed. Choose a longer one.
}
outcome-policy_not_complex = Your organisation asks for three kinds of characters out of upper case, lower case, digits, symbols and other letters, and your name must not be in the password. Nothing was changed. Choose another one.
outcome-policy_history = { $history ->
    [0] You have used that password before. Nothing was changed. Choose another one.
    [one] That is your present password. Nothing was changed. Choose another one.
   *[other] You have used that password before: your organisation remembers the last { $history }. Nothing was changed. Choose another one.
}
outcome-policy_too_young = Your password was changed only recently, and your organisation asks you to keep it for a while. Nothing was changed. You can change it from { $when }. If you no longer know it, ask your helpdesk.
outcome-policy_other = A rule of your organisation refused that password. Nothing was changed. Choose another one, longer and less ordinary.
outcome-user_not_found_no_object = Your account has changed in your organisation's network. Nothing was changed. Your IT department must look at it.
outcome-user_not_found_not_joined = Your account has changed in your organisation's network. Nothing was changed. Your IT department must look at it.
outcome-user_not_found_no_cloud_link = Your account has changed in your organisation's network. Nothing was changed. Your IT department must look at it.
outcome-user_not_found_no_rule = Your account has changed in your organisation's network. Nothing was changed. Your IT department must look at it.
outcome-user_gone = Your account has changed in your organisation's network. Nothing was changed. Your IT department must look at it.
outcome-several_matches = A setting on your organisation's side stops this. Nothing was changed. Your IT department must look at it.
outcome-protected = Privileged accounts cannot be reset here. Nothing was changed. Use the way that your IT department has for them.
outcome-admin_count_left_behind = A setting on your organisation's side stops this. Nothing was changed. Your IT department must look at it.
outcome-permission_missing = A setting on your organisation's side stops this. Nothing was changed. Your IT department must look at it.
outcome-cannot_change = Your account is set so that only your IT department can change its password. Nothing was changed. Ask your helpdesk to set it for you.
outcome-disabled = This account is switched off. Nothing was changed. Ask your helpdesk.
outcome-account_expired = This account has expired. Nothing was changed. Ask your helpdesk.
outcome-smart_card_only = You sign in with a smart card, so there is no password to reset. Nothing was changed. Ask your helpdesk about the card.
outcome-directory_configuration = A setting on your organisation's side stops this. Nothing was changed. Your IT department must look at it.
outcome-directory_unknown = Your organisation's directory gave an answer that we do not know. Nothing was changed. Your IT department must look at it.
outcome-no_policy_control = A setting on your organisation's side stops this. Nothing was changed. Your IT department must look at it.
outcome-pdc_unreachable = The part of your organisation's network that keeps the passwords cannot be reached. Nothing was changed. Try again later.
outcome-breaker_open = Your organisation has paused password resets because there were unusually many. Nothing was changed. Ask your helpdesk.
outcome-clock_difference = The clocks of this service and of your organisation's network differ too much. Nothing was changed. Your IT department must look at it.
outcome-not_decryptable = A temporary problem stopped this. Nothing was changed. Your IT department must look at it.
outcome-bad_input = A temporary problem stopped this. Nothing was changed. Try again; if it stays, ask your helpdesk.
outcome-password_malformed = That cannot be a password: it is empty, too long, or contains a broken character. Nothing was changed. Choose another one.
outcome-fault = Something went wrong on our side. Nothing was changed. Try again; if it stays, ask your helpdesk.
outcome-on_premises_unreachable = Your organisation's network cannot be reached at the moment. Nothing was changed. Try again later; your old password still works if you know it.
outcome-writeback_off = Passwords are kept in your organisation's network and cannot be reset here. Nothing was changed. Ask your helpdesk.
outcome-too_few_methods = Your organisation knows no address that a code could be sent to. Nothing was changed. Ask your helpdesk.
outcome-code_wrong = That is not the code. Nothing was changed.
outcome-code_expired = The code has expired. Nothing was changed. Ask for another one or start again.
outcome-code_tries_spent = All tries for this code are spent. Nothing was changed. Start again.
outcome-throttled = Too many tries. Nothing was changed. You can try again from { $when }.
outcome-flow_expired = This visit has expired. Nothing was changed by this step. Start again.
outcome-flow_replaced = You started again in another tab, so this page no longer counts. Nothing was changed by this step. Go on there, or start again.
outcome-passwords_differ = The two entries are not the same. Nothing was changed. Type the password twice.
outcome-name_malformed = Enter your sign-in name. Nothing was changed.
outcome-foreign_request = This request did not come from our own page. Nothing was changed. Start again.
