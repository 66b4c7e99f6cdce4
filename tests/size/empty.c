/* What every program of a target has: subtracted from all others. */

int main(void)
{
    return 0;
}
