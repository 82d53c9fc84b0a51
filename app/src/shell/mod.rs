//! The frame of the page: top bar, theme, help, shortcuts, icons.

mod copy;
mod help;
mod icons;
mod shortcuts;
mod status;
mod theme;
mod topbar;

pub(crate) use copy::CopyButton;
pub(crate) use help::Help;
pub(crate) use icons::{ChangingIcon, Icon, Sprite};
pub(crate) use shortcuts::{Action, Shortcuts, listen};
pub(crate) use status::{Mark, Status};
pub(crate) use topbar::TopBar;
