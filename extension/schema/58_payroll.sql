CREATE FUNCTION onefin.payroll_month_closed(at timestamptz) RETURNS boolean LANGUAGE sql STABLE RETURN false;
COMMENT ON FUNCTION onefin.payroll_month_closed(timestamptz) IS 'x';
