async def simulate(steps, **options):
    return {"steps": steps, "options": options}
