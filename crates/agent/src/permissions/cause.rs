//! Why something is not as it must be.

use directory::security::{Ace, Decision, Ground, Ruling, SecurityDescriptor};
use directory::{DistinguishedName, MemberOf, Sid};

use crate::guard::groups::Idle;

/// Why a right is lacking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A unit of the configuration is not there, or may not be seen.
    NotThere,
    /// A unit of the configuration is found by its name there, which is another one as names are compared
    /// here: the directory passes over accents as well (MS-ADTS 3.1.1.2.2.4), and whoever is below is out of
    /// scope.
    SpeltOtherwise {
        /// As the directory writes it.
        there: DistinguishedName,
    },
    /// The descriptor may not be read.
    Hidden,
    /// No entry grants it.
    Missing,
    /// An entry denies it.
    Denied {
        /// To whom, as the entry says.
        trustee: Sid,
        /// The place of the entry in the object's list.
        index: usize,
        /// It came from above.
        inherited: bool,
    },
    /// It depends on an entry with a condition, which cannot be evaluated here: taken for lacking.
    Unclear {
        /// Whom the entry is about, as it says.
        trustee: Sid,
        /// The place of the entry in the object's list.
        index: usize,
        /// It came from above.
        inherited: bool,
        /// Where the condition holds, it denies what another one grants; else it is the one that grants.
        denies: bool,
    },
    /// It stands above, and the object inherits nothing.
    InheritanceOff,
    /// It stands above and has not reached the object, which inherits.
    NotArrived {
        /// Where it stands.
        from: DistinguishedName,
    },
    /// People here are of the class `inetOrgPerson`, which entries for users do not reach.
    OtherClass {
        /// One of them.
        example: DistinguishedName,
    },
    /// "User cannot change password" is set on a person, who is never reset by it (SPEC D-7).
    CannotChange,
    /// What protects a person cannot be judged, so that nothing is reset (SPEC D-6).
    Unjudged {
        /// What is hidden.
        attribute: &'static str,
        /// Inheritance is off as well.
        inheritance_off: bool,
    },
    /// The PDC emulator would not enforce history on a reset (SPEC D-2), and the configuration does not
    /// allow that.
    NoPolicyControl,
    /// More stands below a unit in scope than is looked at.
    NotAllLookedAt,
    /// A group of `protected_groups` by which nobody is protected, or of which that is not known (SPEC D-6).
    ProtectsNobody(Idle),
    /// `adminCount` is left over from a group that protects.
    AdminCountLeft {
        /// Inheritance is off as well.
        inheritance_off: bool,
    },
    /// `adminCount` looks as if it were left over, and the directory sets it again.
    AdminCountKept {
        /// By way of which groups, the protected one last.
        by: Vec<MemberOf>,
        /// Inheritance is off as well.
        inheritance_off: bool,
    },
    /// Whether `adminCount` is left over is not known: no way to a protected group was found, and not all
    /// groups could be followed.
    AdminCountUnclear {
        /// Inheritance is off as well.
        inheritance_off: bool,
    },
}

impl Cause {
    /// Whether an entry beats one that grants the right, or may do so.
    pub(crate) const fn is_denial(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::Unclear { denies: true, .. })
    }

    /// Whether it is about what the service account may do, which can arrive by itself; and not about
    /// the state of a person's account.
    pub(crate) const fn is_about_rights(&self) -> bool {
        let here = matches!(
            self,
            Self::NoPolicyControl
                | Self::NotAllLookedAt
                | Self::ProtectsNobody(_)
                | Self::SpeltOtherwise { .. }
        );
        !here && !self.is_of_one_account()
    }

    /// Whether somebody may well want it so: it stands as long as nobody says otherwise.
    pub(crate) const fn is_wanted(&self) -> bool {
        matches!(self, Self::CannotChange)
    }

    /// Whether it is that inheritance is off, and what has come of that.
    pub(crate) const fn is_inheritance_off(&self) -> bool {
        matches!(
            self,
            Self::InheritanceOff
                | Self::AdminCountLeft { inheritance_off: true }
                | Self::AdminCountKept { inheritance_off: true, .. }
                | Self::AdminCountUnclear { inheritance_off: true }
                | Self::Unjudged { inheritance_off: true, .. }
        )
    }

    /// Whether it is about the state of one person's account.
    pub(super) const fn is_of_one_account(&self) -> bool {
        matches!(
            self,
            Self::CannotChange
                | Self::AdminCountLeft { .. }
                | Self::AdminCountKept { .. }
                | Self::AdminCountUnclear { .. }
                | Self::Unjudged { .. }
        )
    }
}

/// The cause that lies in the object's own list.
pub(crate) fn own_cause(ruling: &Ruling, descriptor: &SecurityDescriptor) -> Cause {
    let Some(Ground::Entry { index, trustee, .. }) = ruling.grounds.first() else {
        return Cause::Missing;
    };
    let (index, trustee) = (*index, trustee.clone());
    // Of what is below, the ruling calls everything inherited: the entry itself knows whether it stands
    // here.
    let entry = descriptor.dacl.as_ref().and_then(|dacl| dacl.entries.get(index));
    let inherited = entry.is_some_and(Ace::is_inherited);
    match ruling.decision {
        Decision::Denied => Cause::Denied { trustee, index, inherited },
        Decision::Unclear => {
            Cause::Unclear { trustee, index, inherited, denies: entry.is_some_and(Ace::denies) }
        }
        Decision::Granted | Decision::NotGranted => Cause::Missing,
    }
}
