//! How the clients of the fleet authenticate: tokens that expire in the year 2100.

/// The secret by which they are signed.
pub(super) const SECRET: &str = "the-secret-of-a-fleet-under-soak-0123456789";

/// May subscribe and publish to `fleet.>`.
pub(super) const MEMBER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtZW1iZXItMCIsImV4cCI6NDEwMjQ0NDgwMCwidG9waWNzIjp7InN1YnNjcmliZSI6WyJmbGVldC4-Iiwib3Blbi4-Il0sInB1Ymxpc2giOlsiZmxlZXQuPiJdfX0.1QRw2Ph9WRQvfmApR0HQ85Exb01qefkZfGD3d05p6jE";

/// May not.
pub(super) const STRANGER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJzdHJhbmdlciIsImV4cCI6NDEwMjQ0NDgwMCwidG9waWNzIjp7InN1YnNjcmliZSI6WyJvcGVuLj4iXSwicHVibGlzaCI6WyJvcGVuLj4iXX19.-rKyah1USxIaY0nERgnBOlqy8clwzsE1MeEFCM7CnEU";
